import type { Schemas } from "@/api/client";
import { readSegments, type Segment, type Word } from "@/api/segments";
import { Store } from "@/lib/store";

/** Segments of the first page: more than a screen shows. */
const FIRST_PAGE = 100;
/** Of the pages behind it, without words. */
const PAGE = 1000;
/** Words are read for so many segments around those on the screen. */
const WORDS_PAGE = 50;

export interface Transcript {
  /** Those that are loaded, in order. */
  segments: readonly Segment[];
  /** How many there are; null until the first page has come. */
  total: number | null;
  error: Error | null;
}

/** The segments of a conversation: read in pages, with the words of those that are looked at. */
export class SegmentStore extends Store<Transcript> {
  private words = new Map<number, readonly Word[]>();
  private pending = new Map<number, Promise<void>>();
  private stopped = new AbortController();
  private refreshing = new AbortController();

  constructor(readonly conversationId: number) {
    super({ segments: [], total: null, error: null });
  }

  /** Read the whole transcript, the first page first. What is loaded stays until it is replaced. */
  async load(): Promise<void> {
    this.stop();
    const { signal } = (this.stopped = new AbortController());
    this.words = new Map();
    this.pending = new Map();
    try {
      let page = await this.read(0, FIRST_PAGE, signal);
      let segments = page.segments;
      this.change({ segments, total: page.total, error: null });
      while (segments.length < page.total && page.segments.length > 0) {
        page = await this.read(segments.length, PAGE, signal);
        segments = [...segments, ...page.segments];
        this.change({ segments, total: page.total });
      }
    } catch (error) {
      if (!signal.aborted) this.change({ error: error as Error });
    }
  }

  /** Read the whole transcript again, and show it when all of it is there. Only the last of several calls has an effect. */
  async refresh(): Promise<void> {
    this.refreshing.abort();
    this.refreshing = new AbortController();
    const signal = AbortSignal.any([this.stopped.signal, this.refreshing.signal]);
    const known = new Map(this.snapshot().segments.map((segment) => [segment.id, segment]));
    const segments: Segment[] = [];
    let total = 1;
    try {
      while (segments.length < total) {
        const page = await this.read(segments.length, PAGE, signal);
        total = page.total;
        if (page.segments.length === 0) break;
        segments.push(...page.segments.map((segment) => this.sameOr(known.get(segment.id), segment)));
      }
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    this.pending = new Map();
    this.change({ segments, total, error: null });
  }

  /** Take in a change: segments that are new or different, and ids of those that are gone. */
  apply({ segments: changed, deleted }: Pick<Schemas["Edited"], "segments" | "deleted">): void {
    for (const { id, words } of changed) if (words) this.words.set(id, words);
    const segments = merged(this.snapshot().segments, changed, deleted);
    this.pending = new Map(); // the pages of words begin elsewhere now
    this.change({ segments, total: segments.length });
  }

  stop(): void {
    this.stopped.abort();
  }

  /** Put changed segments in the place of those with the same ids. Their words, if they have any, replace the known ones. */
  replace(changed: readonly Segment[]): void {
    const byId = new Map(changed.map((segment) => [segment.id, segment]));
    for (const { id, words } of changed) if (words) this.words.set(id, words);
    this.change({ segments: this.snapshot().segments.map((segment) => byId.get(segment.id) ?? segment) });
  }

  /** The words of a segment, if they are loaded. */
  wordsOf(segmentId: number): readonly Word[] | undefined {
    return this.words.get(segmentId);
  }

  /** Load the words of the segments from index `first` to `last`. Rejects where they cannot be read. */
  async loadWords(first: number, last: number): Promise<void> {
    const pages: Promise<void>[] = [];
    for (let page = Math.floor(Math.max(0, first) / WORDS_PAGE); page * WORDS_PAGE <= last; page++) {
      let reading = this.pending.get(page);
      if (!reading) {
        reading = this.readWords(page * WORDS_PAGE).catch((error: unknown) => {
          this.pending.delete(page);
          if (!this.stopped.signal.aborted) throw error;
        });
        this.pending.set(page, reading);
      }
      pages.push(reading);
    }
    await Promise.all(pages);
  }

  /** The same for one segment. */
  async readWordsOf(segmentId: number): Promise<readonly Word[]> {
    const index = this.snapshot().segments.findIndex(({ id }) => id === segmentId);
    await this.loadWords(index, index);
    return this.words.get(segmentId) ?? [];
  }

  private async readWords(skip: number): Promise<void> {
    const { signal } = this.stopped;
    const words = this.words;
    const page = await readSegments(this.conversationId, { skip, limit: WORDS_PAGE, words: true }, signal);
    for (const segment of page.segments) if (segment.words) words.set(segment.id, segment.words);
    this.set(this.snapshot()); // those who follow the words read them now
  }

  /** The known segment if nothing changed, so that its row is not rendered again. */
  private sameOr(known: Segment | undefined, read: Segment): Segment {
    if (known && JSON.stringify({ ...known, words: null }) === JSON.stringify(read)) return known;
    this.words.delete(read.id);
    return read;
  }

  private read(skip: number, limit: number, signal: AbortSignal) {
    return readSegments(this.conversationId, { skip, limit, words: false }, signal);
  }
}

/** A transcript after a change: in the place of what is gone, or in order of time, comes what is new. */
export function merged(before: readonly Segment[], changed: readonly Segment[], deleted: readonly number[]): Segment[] {
  const gone = new Set(deleted);
  const byId = new Map(changed.map((segment) => [segment.id, segment]));
  const after: Segment[] = [];
  for (const segment of before) {
    if (gone.has(segment.id)) continue;
    after.push(byId.get(segment.id) ?? segment);
    byId.delete(segment.id);
  }
  for (const added of byId.values()) {
    const place = after.findLastIndex(({ start_offset }) => start_offset <= added.start_offset) + 1;
    after.splice(place, 0, added);
  }
  return after;
}
