import { ApiError } from "@/api/client";
import {
  correctEmotion,
  deleteSegment,
  type Edited,
  joinSegment,
  redoEdit,
  replaceWords,
  setText,
  splitSegment,
  undoEdit,
} from "@/api/editing";
import type { Segment } from "@/api/segments";
import { toast, toastError } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useEditingText } from "@/i18n/editing";
import { type Emotion, emotionOf } from "@/lib/emotion";
import { Store } from "@/lib/store";
import { shownName } from "@/lib/voice";

import type { SegmentStore } from "../segments";

/** What the reader opened at a segment, and the element beside which it is shown. */
export interface Opened {
  what: "menu" | "who" | "emotion";
  segment: Segment;
  anchor: HTMLElement;
}

export interface EditorState {
  /** The segment whose text is being edited. */
  editing: number | null;
  /** Where the cursor begins, in characters; null for the end. */
  caret: number | null;
  /** What the editor begins with, where it is not the segment's text. */
  draft: string | null;
  opened: Opened | null;
  /** Words of the whole conversation are being replaced. */
  replacing: boolean;
}

const IDLE: EditorState = { editing: null, caret: null, draft: null, opened: null, replacing: false };

/** Changes of the transcript: each is sent at once, one after the other, and can be undone. */
export class Editor extends Store<EditorState> {
  private last: Promise<unknown> = Promise.resolve();
  /** How to undo what was done here; the last is undone first. The application keeps the changes of text. */
  private done: (() => Promise<unknown>)[] = [];

  constructor(
    readonly conversationId: number,
    private readonly segments: SegmentStore,
    /** Called with the segment that a change concerns. */
    private readonly show: (segment: Segment) => void,
  ) {
    super(IDLE);
  }

  /** Edit the text of a segment, with the cursor at a character, or at the end. */
  readonly edit = (segmentId: number, caret: number | null = null): void =>
    this.change({ editing: segmentId, caret, draft: null, opened: null });

  readonly leave = (): void => this.change({ editing: null, draft: null });

  readonly open = (opened: Opened): void => this.change({ opened, editing: null });

  readonly close = (): void => this.change({ opened: null });

  readonly setReplacing = (replacing: boolean): void => this.change({ replacing, editing: null });

  /** Store the text of a segment, if it is another. One without text is deleted. */
  save(segment: Segment, typed: string): Promise<void> {
    const text = typed.replace(/\s+/gu, " ").trim();
    if (text === (segment.text ?? "").trim()) return Promise.resolve();
    if (text === "") return this.remove(segment);
    this.segments.replace([{ ...segment, text }]);
    return this.inTurn(async () => {
      try {
        this.apply(await setText(this.place(segment), text, segment.text ?? ""));
      } catch (error) {
        this.segments.replace([segment]);
        await this.notSaved(segment, text, error);
      }
    });
  }

  /** Split a segment before a word. */
  split(segment: Segment, word: number): Promise<void> {
    return this.inTurn(async () => this.apply(await splitSegment(this.place(segment), word, segment.text ?? "")));
  }

  join(segment: Segment): Promise<void> {
    return this.inTurn(async () => this.apply(await joinSegment(this.place(segment))));
  }

  remove(segment: Segment): Promise<void> {
    return this.inTurn(async () => {
      this.apply(await deleteSegment(this.place(segment)));
      const text = useEditingText.now();
      toast(text.removed, { action: { label: text.undo, run: () => void this.undo() } });
    });
  }

  /** Replace words in all segments. */
  replaceAll(request: { find: string; replace: string; match_case: boolean; whole_words: boolean }): Promise<void> {
    return this.inTurn(async () => {
      const { change, matches, notes } = await replaceWords(this.conversationId, { ...request, dry_run: false });
      if (change) this.done.push(this.undoText);
      await this.segments.refresh();
      const text = useEditingText.now();
      toast(text.replaced(matches), { action: { label: text.undo, run: () => void this.undo() } });
      for (const note of notes) toast(note);
    });
  }

  /** Say how a segment sounds; tell what was learned from it. */
  correct(segment: Segment, emotion: Emotion): Promise<void> {
    return this.inTurn(async () => {
      const before = segment.emotion_category;
      const found = await correctEmotion(this.place(segment), emotion, segment.speaker_id !== null);
      const changed = { ...segment, emotion_category: emotion, emotion_confidence: 1, emotion_corrected: true };
      this.segments.replace([changed]);
      const back = async () => {
        await correctEmotion(this.place(segment), emotionOf(before), false);
        this.segments.replace([segment]);
        toast(useEditingText.now().correctionUndone);
      };
      this.done.push(back);
      const [text, names] = [useEditingText.now(), useCommonText.now()];
      const name = names[emotion];
      const message =
        found.learned && found.speaker_name
          ? text.learned(name, shownName(found.speaker_name, names.unknownVoice), found.sample_count)
          : text.corrected(name);
      toast(message, { action: { label: text.undo, run: () => void this.undo() } });
    });
  }

  /** Make a change that is not of the transcript's text, such as naming a voice; it resolves to what takes it back. */
  other(change: () => Promise<() => Promise<unknown>>): Promise<void> {
    return this.inTurn(async () => {
      this.done.push(await change());
    });
  }

  /** Such a change was made; `undo` takes it back. */
  did(undo: () => Promise<unknown>): void {
    this.done.push(undo);
  }

  /** Undo the last change of this visit, or the last one of the transcript. */
  readonly undo = (): Promise<void> =>
    this.inTurn(async () => {
      const last = this.done.pop() ?? this.undoText;
      try {
        await last();
      } catch (error) {
        if (!isRefused(error)) this.done.push(last); // to be tried again
        throw error;
      }
    });

  /** Make the last change of the transcript that was undone again. */
  readonly redo = (): Promise<void> =>
    this.inTurn(async () => {
      this.tell(await redoEdit(this.conversationId), "redone");
      this.done.push(this.undoText);
    });

  private readonly undoText = async (): Promise<void> => this.tell(await undoEdit(this.conversationId), "undone");

  private tell(edited: Edited, what: "undone" | "redone"): void {
    this.segments.apply(edited);
    if (edited.change) toast(useEditingText.now()[what](edited.change.description));
    const [first] = edited.segments;
    if (first) this.show(first);
  }

  private apply(edited: Edited): void {
    this.segments.apply(edited);
    if (edited.change) this.done.push(this.undoText);
    for (const note of edited.notes) toast(note);
  }

  /** What was typed must not be lost: the editor opens again with it, or it is copied where the text is another by now. */
  private async notSaved(segment: Segment, typed: string, error: unknown): Promise<void> {
    const text = useEditingText.now();
    if (error instanceof ApiError && error.status === 409) {
      await navigator.clipboard.writeText(typed).catch(() => undefined);
      toast(text.changedMeanwhile, { kind: "failed" });
      await this.segments.refresh();
      return;
    }
    toast(text.notSaved(error instanceof Error ? error.message : String(error)), { kind: "failed" });
    if (this.snapshot().editing === null) this.change({ editing: segment.id, caret: null, draft: typed });
  }

  private place(segment: Segment) {
    return { conversationId: this.conversationId, segmentId: segment.id };
  }

  /** Changes are sent in the order in which they were made. A failure is shown. */
  private inTurn(change: () => Promise<void>): Promise<void> {
    const turn = this.last.then(change).catch(toastError);
    this.last = turn;
    return turn;
  }
}

/** Whether the application will not do it at another time either. */
function isRefused(error: unknown): boolean {
  return error instanceof ApiError && error.status >= 400 && error.status < 500;
}
