import type { Segment } from "@/api/segments";
import { onThemeChange } from "@/lib/theme";
import { voiceOf } from "@/lib/voice";

import { drawLane, drawWave, prepared, type View, type Wave } from "./draw";
import type { Lane } from "./lanes";
import { LANE_PX, WAVE_PX } from "./size";

/** The elements that are painted, in a box that scrolls sideways. */
export interface Parts {
  box: HTMLElement;
  /** The whole waveform, pale. */
  wave: HTMLCanvasElement;
  /** The same in full colour, of which the part that was played is shown. */
  played: HTMLCanvasElement;
  lanes: HTMLCanvasElement;
  head: HTMLElement;
}

export interface Painted {
  duration: number;
  segments: readonly Segment[];
  lanes: readonly Lane[];
  wave: Wave | undefined;
  /** How often the recording is wider than the box. */
  zoom: number;
}

/** Where the playhead goes when it leaves the box, as a fraction of its width. */
const TURNED_TO = 0.1;

/** Paints the timeline: everything when something changed, and only the position while the recording plays. */
export class Painter {
  private painted: Painted | undefined;
  private width = 0;
  private seconds = 0;
  private frame = 0;
  private readonly ends: (() => void)[] = [];

  constructor(
    private readonly parts: Parts,
    onWidth: (width: number) => void,
  ) {
    const { box } = parts;
    const observer = new ResizeObserver(() => {
      this.width = box.clientWidth;
      onWidth(this.width);
      this.schedule();
    });
    observer.observe(box);
    box.addEventListener("scroll", this.schedule, { passive: true });
    this.ends.push(
      () => observer.disconnect(),
      () => box.removeEventListener("scroll", this.schedule),
      onThemeChange(this.schedule),
    );
  }

  readonly close = (): void => {
    cancelAnimationFrame(this.frame);
    for (const end of this.ends) end();
  };

  readonly paint = (painted: Painted): void => {
    const zoomed = this.painted !== undefined && this.painted.zoom !== painted.zoom;
    this.painted = painted;
    if (zoomed) this.parts.box.scrollLeft = this.x(this.seconds) + this.parts.box.scrollLeft - this.width / 2;
    this.schedule();
  };

  /** Move the playhead; `turn`: scroll when it leaves the box. */
  readonly setTime = (seconds: number, turn: boolean): void => {
    this.seconds = seconds;
    const x = this.x(seconds);
    if (turn && this.width > 0 && (x < 0 || x > this.width)) this.parts.box.scrollLeft += x - this.width * TURNED_TO;
    this.place();
  };

  /** The time at a place on the screen. */
  readonly timeAt = (clientX: number): number => {
    const { from, to } = this.view();
    const fraction = (clientX - this.parts.box.getBoundingClientRect().left) / Math.max(1, this.width);
    return from + Math.max(0, Math.min(1, fraction)) * (to - from);
  };

  private view(): View {
    const { duration = 0, zoom = 1 } = this.painted ?? {};
    const perPixel = duration / Math.max(1, this.width * zoom);
    const from = this.parts.box.scrollLeft * perPixel;
    return { from, to: from + this.width * perPixel, width: this.width };
  }

  private x(seconds: number): number {
    const { duration = 0, zoom = 1 } = this.painted ?? {};
    return (seconds / Math.max(duration, 0.001)) * this.width * zoom - this.parts.box.scrollLeft;
  }

  private place(): void {
    const x = Math.max(-2, Math.min(this.x(this.seconds), this.width));
    this.parts.head.style.translate = `${x}px`;
    this.parts.played.style.clipPath = `inset(0 ${Math.max(0, this.width - x)}px 0 0)`;
  }

  private readonly schedule = (): void => {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  };

  private draw(): void {
    const { painted, width, parts } = this;
    if (!painted || width === 0) return;
    const view = this.view();
    const colour = this.colours();
    const played = prepared(parts.played, width, WAVE_PX);
    const pale = prepared(parts.wave, width, WAVE_PX);
    if (played && pale && painted.wave) {
      const silence = colour("var(--color-muted)");
      const colourOf = (segment: Segment) => colour(voiceOf(segment).colour.fill);
      drawWave(played, view, painted.wave, painted.segments, colourOf, silence);
      pale.drawImage(parts.played, 0, 0, width, WAVE_PX);
    }
    const lanes = prepared(parts.lanes, width, painted.lanes.length * LANE_PX);
    if (lanes) {
      const line = colour("var(--color-line)");
      painted.lanes.forEach((lane, index) => {
        drawLane(lanes, view, lane, index * LANE_PX, colour(lane.voice.colour.fill), line);
      });
    }
    this.place();
  }

  /** Colours of the theme in force: a canvas knows neither variables nor `light-dark()`. */
  private colours(): (css: string) => string {
    const known = new Map<string, string>();
    const { head } = this.parts;
    return (css) => {
      let colour = known.get(css);
      if (colour === undefined) {
        head.style.color = css;
        known.set(css, (colour = getComputedStyle(head).color));
        head.style.color = "";
      }
      return colour;
    };
  }
}
