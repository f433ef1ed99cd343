export const WAVE_PX = 64;
export const LANE_PX = 22;
/** More voices are shown on request. */
export const MAX_LANES = 8;

/** The border and the padding of the panel, and the row of times or, where it is zoomed, of buttons. */
const FRAME_PX = 22 + 28;
const MORE_PX = 28;
export const CHAPTERS_PX = 24;

/** How high the timeline of so many voices is, for the place that it takes before it is loaded. */
export function timelineHeight(voices: number, hasChapters: boolean): number {
  const more = (voices > MAX_LANES ? MORE_PX : 0) + (hasChapters ? CHAPTERS_PX : 0);
  return WAVE_PX + Math.min(voices, MAX_LANES) * LANE_PX + FRAME_PX + more;
}
