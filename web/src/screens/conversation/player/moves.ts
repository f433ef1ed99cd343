import type { Session } from "../context";
import { segmentAt, wordAt } from "../transcript/words";

/** So that a second step back from the beginning of a word reaches the word before. */
const SLACK_S = 0.3;

/** Go to the beginning of the next segment, or of the one before. */
export function moveBySegment({ segments, player }: Session, by: 1 | -1): void {
  const list = segments.snapshot().segments;
  const at = segmentAt(list, player.time + 0.001);
  const target = list[Math.max(0, at + by)];
  if (target) player.seek(target.start_offset);
}

/** Go to the beginning of the next word, or of the one before, also in another segment. */
export async function moveByWord({ segments, player }: Session, by: 1 | -1): Promise<void> {
  const list = segments.snapshot().segments;
  const now = player.time;
  const at = Math.max(0, segmentAt(list, now + 0.001));
  await segments.loadWords(at - 1, at + 1);
  const near = list.slice(Math.max(0, at - 1), at + 2).flatMap(({ id }) => segments.wordsOf(id) ?? []);
  const slack = by < 0 && !player.audio.paused ? -SLACK_S : 0.001;
  const word = near[wordAt(near, now + slack) + by] ?? near[by < 0 ? 0 : near.length - 1];
  if (word) player.seek(word.start);
}
