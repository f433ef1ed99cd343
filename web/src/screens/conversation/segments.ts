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
  /** As the application has them. Those that are shown have the texts that are being saved. */
  private stored: readonly Segment[] = [];
  private readonly saving = new Map<number, string>();
  /** Counts the changes that were made here: what was requested before one of them may be answered without it. */
  private version = 0;
  private words = new Map<number, readonly Word[]>();
  private pending = new Map<number, Promise<void>>();
  private stopped = new AbortController();
  private loading = new AbortController();
  private refreshing = new AbortController();

  constructor(readonly conversationId: number) {
    super({ segments: [], total: null, error: null });
  }

  /** Read the whole transcript, the first page first. What is loaded stays until it is replaced. */
  async load(): Promise<void> {
    this.stop();
    this.stopped = new AbortController();
    this.loading = new AbortController();
    const signal = AbortSignal.any([this.stopped.signal, this.loading.signal]);
    this.words = new Map();
    this.pending = new Map();
    const { version } = this;
    try {
      let page = await this.read(0, FIRST_PAGE, signal);
      let segments = page.segments;
      this.keep(segments, page.total);
      while (segments.length < page.total && page.segments.length > 0) {
        page = await this.read(segments.length, PAGE, signal);
        if (version !== this.version) {
          await this.refresh();
          return;
        }
        segments = [...segments, ...page.segments];
        this.keep(segments, page.total);
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
    let read: readonly Segment[];
    let version: number;
    try {
      do {
        version = this.version;
        read = await this.readAll(signal);
      } while (version !== this.version);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    this.loading.abort();
    this.pending = new Map();
    const known = new Map(this.stored.map((segment) => [segment.id, segment]));
    this.keep(
      read.map((segment) => this.sameOr(known.get(segment.id), segment)),
      read.length,
    );
  }

  /** Take in a change: segments that are new or different, and ids of those that are gone. */
  apply({ segments: changed, deleted }: Pick<Schemas["Edited"], "segments" | "deleted">): void {
    this.version++;
    for (const { id, words } of changed) if (words) this.words.set(id, words);
    const segments = merged(this.stored, changed, deleted);
    this.pending = new Map(); // the pages of words begin elsewhere now
    this.keep(segments, segments.length);
  }

  /** Take in a change of a segment that leaves its text as it is. */
  patch(segmentId: number, change: Partial<Segment>): void {
    this.version++;
    const segments = this.stored.map((segment) => (segment.id === segmentId ? { ...segment, ...change } : segment));
    this.keep(segments, this.snapshot().total);
  }

  /** Show the text of a segment that is being saved, until the returned function is called. */
  showSaving(segmentId: number, text: string): () => void {
    this.saving.set(segmentId, text);
    this.change({ segments: this.shown() });
    return () => {
      if (this.saving.get(segmentId) !== text) return; // a later one is being saved
      this.saving.delete(segmentId);
      this.change({ segments: this.shown() });
    };
  }

  stop(): void {
    this.stopped.abort();
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
    // Those of another text than the one that is known are older, or read again with it.
    const texts = new Map(this.stored.map(({ id, text }) => [id, text]));
    for (const { id, text, words: own } of page.segments) if (own && texts.get(id) === text) words.set(id, own);
    this.set(this.snapshot()); // those who follow the words read them now
  }

  private async readAll(signal: AbortSignal): Promise<Segment[]> {
    const segments: Segment[] = [];
    for (;;) {
      const page = await this.read(segments.length, PAGE, signal);
      segments.push(...page.segments);
      if (segments.length >= page.total || page.segments.length === 0) return segments;
    }
  }

  private keep(segments: readonly Segment[], total: number | null): void {
    this.stored = segments;
    this.change({ segments: this.shown(), total, error: null });
  }

  private shown(): readonly Segment[] {
    if (!this.saving.size) return this.stored;
    return this.stored.map((segment) => {
      const text = this.saving.get(segment.id);
      return text === undefined ? segment : { ...segment, text };
    });
  }

  /** The known segment if nothing changed, so that its row is not rendered again. */
  private sameOr(known: Segment | undefined, read: Segment): Segment {
    if (known && JSON.stringify({ ...known, words: null }) === JSON.stringify(read)) return known;
    this.words.delete(read.id);
    return read;
  }

  private async read(skip: number, limit: number, signal: AbortSignal) {
    const page = await readSegments(this.conversationId, { skip, limit, words: false }, signal);
    signal.throwIfAborted(); // after the answer had come
    return page;
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
