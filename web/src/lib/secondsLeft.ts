/** Less of the work tells nothing about its speed. */
const MIN_DONE = 0.02;

/** How long the rest of some work takes at the speed from one point to another, each of `[seconds, fraction done]`. */
export function secondsLeft(first: readonly [number, number], last: readonly [number, number]): number | undefined {
  const done = last[1] - first[1];
  if (done < MIN_DONE) return undefined;
  return ((last[0] - first[0]) / done) * (1 - last[1]);
}
