import type { Schemas } from "@/api/client";
import type { Segment } from "@/api/segments";
import { voiceOf, type Voice } from "@/lib/voice";

export type Note = Schemas["Note"];

/** Consecutive segments of one voice. */
export interface Turn {
  kind: "turn";
  key: string;
  voice: Voice;
  segments: Segment[];
  /** Of its heading, which is followed by a row for each segment. */
  firstRow: number;
}

/** A note between turns, about what was left out there. */
export interface NoteBlock {
  kind: "note";
  key: string;
  note: Note;
  firstRow: number;
}

export type Block = Turn | NoteBlock;

/** What the virtual list measures and renders: the headings of turns, segments, and notes. */
export interface Row {
  key: string;
  /** The index of its block. */
  block: number;
  /** The index of its segment in the transcript; -1 for a heading or a note. */
  segment: number;
}

export interface Rows {
  rows: Row[];
  blocks: Block[];
  /** The index of a segment's row, by the segment's id. */
  rowOf: Map<number, number>;
}

export function rowsOf(segments: readonly Segment[], notes: readonly Note[]): Rows {
  const found: Rows = { rows: [], blocks: [], rowOf: new Map() };
  const timed = notes.filter((note) => note.start !== null && note.start !== undefined);
  let next = 0;
  const addNotes = (before: number) => {
    for (let note = timed[next]; note && (note.start ?? 0) < before; note = timed[++next]) addNote(found, note, next);
  };
  let turn: Turn | undefined;
  for (const [index, segment] of segments.entries()) {
    addNotes(segment.start_offset);
    const last = found.blocks.at(-1);
    const voice = voiceOf(segment);
    if (last?.kind === "turn" && last.voice.key === voice.key) turn = last;
    else {
      turn = { kind: "turn", key: `turn-${segment.id}`, voice, segments: [], firstRow: found.rows.length };
      found.blocks.push(turn);
      found.rows.push({ key: turn.key, block: found.blocks.length - 1, segment: -1 });
    }
    found.rowOf.set(segment.id, found.rows.length);
    found.rows.push({ key: `segment-${segment.id}`, block: found.blocks.length - 1, segment: index });
    turn.segments.push(segment);
  }
  addNotes(Infinity);
  return found;
}

function addNote(found: Rows, note: Note, number: number): void {
  const key = `note-${number}`;
  found.blocks.push({ kind: "note", key, note, firstRow: found.rows.length });
  found.rows.push({ key, block: found.blocks.length - 1, segment: -1 });
}

/** How many rows a block has. */
export function rowsIn(block: Block): number {
  return block.kind === "turn" ? block.segments.length + 1 : 1;
}
