/** The transcript of a recording while it grows. */
import type { PartialData, SegmentData } from "./messages";

export interface Line {
  /** The segment, and the conversation that has it. */
  id: number;
  conversationId: number;
  speakerId: number | null;
  name: string;
  text: string;
  /** Seconds since the beginning of the recording. */
  start: number;
  end: number;
  emotion: string | null;
  sure: number;
}

/** Words of a sentence that has not ended: those before the end of `stable` do not change any more. */
export interface Partial {
  stable: string;
  rest: string;
  start: number;
}

/** `begins`: seconds in the recording at which the conversation begins. */
export function lineOf(segment: SegmentData, conversationId: number, begins: number): Line {
  return {
    id: segment.segment_id,
    conversationId,
    speakerId: segment.speaker_id,
    name: segment.speaker_name,
    text: segment.text,
    start: begins + segment.start_offset,
    end: begins + segment.end_offset,
    emotion: segment.emotion_category,
    sure: segment.emotion_confidence ?? 0,
  };
}

/** The lines with one more. A line that is there already, as after a resumption, is replaced. */
export function withLine(lines: readonly Line[], line: Line): Line[] {
  const others = lines.filter(({ id }) => id !== line.id);
  const at = others.findLastIndex(({ start }) => start <= line.start) + 1;
  return others.toSpliced(at, 0, line);
}

type Speaker = Pick<Line, "id" | "speakerId" | "name">;

/** The lines with the speakers that some of them have now. The others stay the same objects. */
export function withSpeakers(lines: readonly Line[], speakers: readonly Speaker[]): Line[] {
  const found = new Map(speakers.map((speaker) => [speaker.id, speaker]));
  return lines.map((line) => {
    const now = found.get(line.id);
    if (!now || (now.speakerId === line.speakerId && now.name === line.name)) return line;
    return { ...line, speakerId: now.speakerId, name: now.name };
  });
}

export function partialOf({ text, stable, start_offset }: PartialData, begins: number): Partial | null {
  if (!text) return null;
  const rest = text.startsWith(stable) ? text.slice(stable.length) : text;
  return { stable: rest === text ? "" : stable, rest, start: begins + start_offset };
}

export interface Share {
  speakerId: number | null;
  name: string;
  seconds: number;
  /** 0 to 1, of all speech. */
  share: number;
  lastLine: Line;
}

/** Who has spoken for how long, in the order in which they began. */
export function shares(lines: readonly Line[]): Share[] {
  const found = new Map<string, Share>();
  for (const line of lines) {
    const share = found.get(line.name) ?? { ...line, seconds: 0, share: 0, lastLine: line };
    found.set(line.name, { ...share, seconds: share.seconds + line.end - line.start, lastLine: line });
  }
  const total = [...found.values()].reduce((sum, { seconds }) => sum + seconds, 0);
  return [...found.values()].map((each) => ({ ...each, share: total ? each.seconds / total : 0 }));
}
