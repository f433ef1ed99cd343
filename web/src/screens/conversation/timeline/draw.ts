import type { Segment } from "@/api/segments";
import { ACTIVATION, emotionOf, SURE } from "@/lib/emotion";

import { segmentAt } from "../transcript/words";
import type { Lane } from "./lanes";
import { LANE_PX, WAVE_PX } from "./size";

const BAR_PX = 2;
const BAR_STEP_PX = 3;
const MAX_SPAN_PX = 17;
const MIN_WIDTH_PX = 1.5;
const RADIUS_PX = 3;
/** Narrower segments, on average, are summed up. */
const MIN_SPAN_PX = 3;
const STRETCH_PX = 3;

/** The stretch of the recording that a canvas shows. */
export interface View {
  /** Seconds. */
  from: number;
  to: number;
  /** Pixels. */
  width: number;
}

export interface Wave {
  /** 0 to 255. */
  peaks: readonly number[];
  perSecond: number;
}

/** Bars as high as the recording is loud, in the colour of who speaks. */
export function drawWave(
  canvas: CanvasRenderingContext2D,
  view: View,
  wave: Wave,
  segments: readonly Segment[],
  colourOf: (segment: Segment) => string,
  silence: string,
): void {
  const loudest = Math.max(1, ...wave.peaks);
  const perPixel = (view.to - view.from) / view.width;
  for (let x = 0; x < view.width; x += BAR_STEP_PX) {
    const time = view.from + x * perPixel;
    const level = peak(wave, time, time + BAR_STEP_PX * perPixel) / loudest;
    const middle = time + (BAR_STEP_PX / 2) * perPixel;
    const segment = segments[segmentAt(segments, middle)];
    canvas.fillStyle = segment && segment.end_offset > middle ? colourOf(segment) : silence;
    const height = Math.max(2, level * (WAVE_PX - 8));
    canvas.fillRect(x, (WAVE_PX - height) / 2, BAR_PX, height);
  }
}

function peak({ peaks, perSecond }: Wave, from: number, to: number): number {
  const first = Math.floor(from * perSecond);
  let found = peaks[first] ?? 0;
  for (let index = first + 1; index < to * perSecond; index++) found = Math.max(found, peaks[index] ?? 0);
  return found;
}

/** The emotions of a voice: a bar for each segment, or where these are too narrow, one for each stretch of the recording. */
export function drawLane(canvas: CanvasRenderingContext2D, view: View, lane: Lane, top: number, colour: string, line: string) {
  canvas.fillStyle = line;
  canvas.fillRect(0, top, view.width, 1);
  canvas.fillStyle = canvas.strokeStyle = colour;
  canvas.lineWidth = 1.2;
  const scale = view.width / (view.to - view.from);
  const inView = lane.segments.filter(({ start_offset, end_offset }) => end_offset > view.from && start_offset < view.to);
  const bottom = top + LANE_PX - 4;
  if ((lane.seconds / lane.segments.length) * scale < MIN_SPAN_PX) drawStretches(canvas, view, inView, bottom);
  else drawSegments(canvas, view, inView, bottom);
}

/** As high as the emotion is activated; hollow where the emotion is not sure. */
function drawSegments(canvas: CanvasRenderingContext2D, view: View, segments: readonly Segment[], bottom: number): void {
  const scale = view.width / (view.to - view.from);
  for (const segment of segments) {
    const x = (segment.start_offset - view.from) * scale;
    const width = Math.max(MIN_WIDTH_PX, (segment.end_offset - segment.start_offset) * scale);
    const height = ACTIVATION[emotionOf(segment.emotion_category)] * MAX_SPAN_PX;
    drawSpan(canvas, x, bottom - height, width, height, (segment.emotion_confidence ?? 0) >= SURE);
  }
}

/** As high as the mean activation, and the stronger the more of the stretch is spoken. */
function drawStretches(canvas: CanvasRenderingContext2D, view: View, segments: readonly Segment[], bottom: number): void {
  const count = Math.ceil(view.width / STRETCH_PX);
  const seconds = (view.to - view.from) / count;
  const spoken = new Float64Array(count);
  const activated = new Float64Array(count);
  for (const segment of segments) {
    const stretch = Math.floor((segment.start_offset - view.from) / seconds);
    if (stretch < 0 || stretch >= count) continue;
    const length = segment.end_offset - segment.start_offset;
    const sure = (segment.emotion_confidence ?? 0) >= SURE;
    spoken[stretch] = (spoken[stretch] ?? 0) + length;
    activated[stretch] =
      (activated[stretch] ?? 0) + length * ACTIVATION[sure ? emotionOf(segment.emotion_category) : "neutral"];
  }
  spoken.forEach((length, stretch) => {
    if (length === 0) return;
    const height = ((activated[stretch] ?? 0) / length) * MAX_SPAN_PX;
    canvas.globalAlpha = 0.3 + 0.6 * Math.min(1, length / seconds);
    canvas.fillRect(stretch * STRETCH_PX, bottom - height, STRETCH_PX - 0.5, height);
  });
  canvas.globalAlpha = 1;
}

function drawSpan(canvas: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, filled: boolean) {
  if (width < 2 * RADIUS_PX) {
    canvas.globalAlpha = filled ? 0.85 : 0.4;
    canvas.fillRect(x, y, width, height);
  } else {
    canvas.beginPath();
    canvas.globalAlpha = filled ? 0.85 : 1;
    const inset = filled ? 0 : 0.6;
    canvas.roundRect(x + inset, y + inset, width - 2 * inset, height - 2 * inset, RADIUS_PX);
    if (filled) canvas.fill();
    else canvas.stroke();
  }
  canvas.globalAlpha = 1;
}

/** A canvas of a size in pixels of the page, cleared. */
export function prepared(element: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio || 1;
  element.width = Math.round(width * ratio);
  element.height = Math.round(height * ratio);
  const canvas = element.getContext("2d");
  canvas?.scale(ratio, ratio);
  return canvas;
}
