import { useEffect, useRef } from "react";

import { useLiveText } from "@/i18n/live";
import { type Levels, type Peak, PEAKS_PER_PIECE, PEAKS_PER_SECOND, shown } from "@/lib/recording/levels";
import { speakerColour } from "@/lib/speakerColour";

import type { Line } from "./session/lines";
import type { LiveSession } from "./session/liveSession";

const BAR_PX = 3;
const STEP_PX = 4;
const LEAST_HEIGHT_PX = 2;

/** The sound of the last seconds. A bar gets the colour of its speaker once the server knows who spoke. */
export function Waveform({ session }: { session: LiveSession }) {
  const text = useLiveText();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let frame = 0;
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    const draw = () => {
      if (canvas.current) paint(canvas.current, session.levels, session.state.snapshot().lines, still.matches);
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [session]);
  return (
    <div className="rounded-panel border border-line bg-panel px-4 py-3">
      <canvas ref={canvas} role="img" aria-label={text.waveform} className="block h-9 w-full sm:h-14" />
    </div>
  );
}

function paint(canvas: HTMLCanvasElement, levels: Levels, lines: readonly Line[], still: boolean): void {
  const scale = devicePixelRatio;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [pixelsX, pixelsY] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== pixelsX || canvas.height !== pixelsY) {
    canvas.width = pixelsX;
    canvas.height = pixelsY;
  }
  const drawing = canvas.getContext("2d");
  if (!drawing) return;
  drawing.setTransform(scale, 0, 0, scale, 0, 0);
  drawing.clearRect(0, 0, width, height);
  const slots = Math.floor(width / STEP_PX);
  const peaks = levels.last(slots);
  const colours = colourer(canvas, lines);
  const shift = still ? 0 : STEP_PX * ahead(levels);
  for (let slot = 0; slot < slots; slot++) {
    const peak = peaks[slot - (slots - peaks.length)];
    const size = Math.max(LEAST_HEIGHT_PX, peak ? shown(peak.height) * height : 0);
    const colour = colours(peak);
    drawing.globalAlpha = colour.alpha;
    drawing.fillStyle = colour.fill;
    drawing.beginPath();
    drawing.roundRect(slot * STEP_PX + shift, (height - size) / 2, BAR_PX, size, 1.5);
    drawing.fill();
  }
}

/** Bars that have come and are not shown yet: they come in pieces, and move in one by one. */
function ahead({ arrived }: Levels): number {
  const moved = ((performance.now() - arrived) / 1000) * PEAKS_PER_SECOND;
  return Math.max(0, PEAKS_PER_PIECE - moved);
}

/** The colour of a peak. A canvas does not know `light-dark()`, which an element's computed style resolves. */
function colourer(canvas: HTMLCanvasElement, lines: readonly Line[]) {
  const resolved = (colour: string) => {
    canvas.style.color = colour;
    return getComputedStyle(canvas).color;
  };
  const found = new Map<string, string>();
  const muted = resolved("var(--color-muted)");
  const recent = lines.slice(-50);
  return (peak: Peak | undefined) => {
    const line = peak && recent.find(({ start, end }) => start <= peak.at && peak.at < end + 1 / PEAKS_PER_SECOND);
    if (!line) return { fill: muted, alpha: peak ? 0.75 : 0.35 };
    const fill = found.get(line.name) ?? resolved(speakerColour(line.speakerId, line.name).fill);
    found.set(line.name, fill);
    return { fill, alpha: 1 };
  };
}
