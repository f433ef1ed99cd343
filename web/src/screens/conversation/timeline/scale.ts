const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400] as const;
const MIN_TICK_PX = 90;
/** No tick is nearer to the end, whose time is always written. */
const MIN_LAST_PX = 60;
/** The shortest stretch that fills the timeline. */
const MIN_VISIBLE_S = 20;
const MAX_ZOOM = 16;

/** Round times along a recording that is drawn at a width, and its end. */
export function ticks(duration: number, width: number): number[] {
  if (duration <= 0 || width <= 0) return [];
  const perSecond = width / duration;
  const step = STEPS_S.find((seconds) => seconds * perSecond >= MIN_TICK_PX) ?? STEPS_S.at(-1) ?? duration;
  const found: number[] = [];
  for (let time = 0; (duration - time) * perSecond >= MIN_LAST_PX; time += step) found.push(time);
  return [...found, duration];
}

/** How often the timeline can be doubled in width. */
export function maxZoom(duration: number): number {
  let zoom = 1;
  while (zoom < MAX_ZOOM && duration / (zoom * 2) >= MIN_VISIBLE_S) zoom *= 2;
  return zoom;
}
