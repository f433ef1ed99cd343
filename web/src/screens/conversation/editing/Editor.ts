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
import { unsavedTexts } from "@/lib/unsavedTexts";
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

/** What takes a change back. */
type Undo = () => Promise<unknown>;

/** Changes of the transcript: each is sent at once, one after the other, and can be undone. */
export class Editor extends Store<EditorState> {
  private last: Promise<unknown> = Promise.resolve();
  /** How to undo what was done here; the last is undone first. The application keeps the changes of text. */
  private done: Undo[] = [];
  /** Whether its conversation is on the screen. */
  private isShown = true;

  constructor(
    readonly conversationId: number,
    private readonly segments: SegmentStore,
    /** Called with the segment that a change concerns. */
    private readonly show: (segment: Segment) => void,
    /** The same where another screen is shown. */
    private readonly goTo: (segment: Segment) => void,
  ) {
    super(IDLE);
  }

  /** Edit the text of a segment, with the cursor at a character, or at the end. */
  readonly edit = (segmentId: number, caret: number | null = null): void => {
    const draft = unsavedTexts.snapshot().get(segmentId)?.typed ?? null;
    unsavedTexts.discard(segmentId);
    this.change({ editing: segmentId, caret, draft, opened: null });
  };

  /** Save what could not be saved before. */
  readonly retry = (segment: Segment): void => {
    const unsaved = unsavedTexts.snapshot().get(segment.id);
    if (!unsaved) return;
    unsavedTexts.discard(segment.id);
    void this.save({ ...segment, text: unsaved.before }, unsaved.typed);
  };

  readonly leave = (): void => this.change({ editing: null, draft: null });

  readonly setShown = (isShown: boolean): void => {
    this.isShown = isShown;
  };

  readonly open = (opened: Opened): void => this.change({ opened, editing: null });

  readonly close = (): void => this.change({ opened: null });

  readonly setReplacing = (replacing: boolean): void => this.change({ replacing, editing: null });

  /** Store the text of a segment, if it is another. One without text is deleted. */
  save(segment: Segment, typed: string): Promise<void> {
    const text = typed.replace(/\s+/gu, " ").trim();
    if (text === (segment.text ?? "").trim()) return Promise.resolve();
    if (text === "") return this.remove(segment);
    const saved = this.segments.showSaving(segment.id, text);
    return this.inTurn(async () => {
      try {
        this.apply(await setText(this.place(segment), text, segment.text ?? ""));
        saved();
      } catch (error) {
        saved();
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
      this.apply(await deleteSegment(this.place(segment)), useEditingText.now().removed);
    });
  }

  /** Replace words in all segments. */
  replaceAll(request: { find: string; replace: string; match_case: boolean; whole_words: boolean }): Promise<void> {
    return this.inTurn(async () => {
      const { change, matches, notes } = await replaceWords(this.conversationId, { ...request, dry_run: false });
      this.did(useEditingText.now().replaced(matches), change && this.undoText(change.id));
      await this.segments.refresh();
      for (const note of notes) toast(note);
    });
  }

  /** Say how a segment sounds; tell what was learned from it. */
  correct(segment: Segment, emotion: Emotion): Promise<void> {
    return this.inTurn(async () => {
      const { emotion_category, emotion_confidence, emotion_corrected } = segment;
      const found = await correctEmotion(this.place(segment), emotion, segment.speaker_id !== null);
      this.segments.patch(segment.id, { emotion_category: emotion, emotion_confidence: 1, emotion_corrected: true });
      const back = async () => {
        await correctEmotion(this.place(segment), emotionOf(emotion_category), false);
        this.segments.patch(segment.id, { emotion_category, emotion_confidence, emotion_corrected });
        toast(useEditingText.now().correctionUndone);
      };
      const [text, names] = [useEditingText.now(), useCommonText.now()];
      const name = names[emotion];
      const message =
        found.learned && found.speaker_name
          ? text.learned(name, shownName(found.speaker_name, names.unknownVoice), found.sample_count)
          : text.corrected(name);
      this.did(message, back);
    });
  }

  /** Make a change that is not of the transcript's text, such as naming a voice; it resolves to what takes it back. */
  other(change: () => Promise<Undo | undefined>): Promise<void> {
    return this.inTurn(async () => this.did(null, await change()));
  }

  /** Something was changed: say so, and offer to undo it; not where nothing can. */
  did(message: string | null, undo: Undo | null | undefined): void {
    if (undo) this.done.push(undo);
    const action = undo && { label: useEditingText.now().undo, run: () => void this.undoOnly(undo) };
    if (message) toast(message, action ? { action } : {});
  }

  /** Undo the last change of this visit, or the last one of the transcript. */
  readonly undo = (): Promise<void> => this.inTurn(() => this.undoLast());

  /** Undo this change, unless another was made after it. */
  private undoOnly(undo: Undo): Promise<void> {
    return this.inTurn(async () => {
      if (this.done.at(-1) === undo) await this.undoLast();
      else if (this.done.includes(undo)) toast(useEditingText.now().undoLaterFirst, { kind: "failed" });
    });
  }

  private async undoLast(): Promise<void> {
    const last = this.done.pop() ?? this.undoText();
    try {
      await last();
    } catch (error) {
      if (!isRefused(error)) this.done.push(last); // to be tried again
      throw error;
    }
  }

  /** Make the last change of the transcript that was undone again. */
  readonly redo = (): Promise<void> =>
    this.inTurn(async () => {
      const edited = await redoEdit(this.conversationId);
      this.tell(edited, "redone");
      if (edited.change) this.done.push(this.undoText(edited.change.id));
    });

  /** Undo a change of the transcript's text, by its id, or the last one. */
  private undoText(change?: number): Undo {
    return async () => this.tell(await undoEdit(this.conversationId, change), "undone");
  }

  private tell(edited: Edited, what: "undone" | "redone"): void {
    this.segments.apply(edited);
    if (edited.change) toast(useEditingText.now()[what](edited.change.description));
    const [first] = edited.segments;
    if (first) this.show(first);
  }

  private apply(edited: Edited, message: string | null = null): void {
    this.segments.apply(edited);
    this.did(message, edited.change && this.undoText(edited.change.id));
    for (const note of edited.notes) toast(note);
  }

  /** What was typed must not be lost: its row shows it, or it is copied where the text is another by now. */
  private async notSaved(segment: Segment, typed: string, error: unknown): Promise<void> {
    const text = useEditingText.now();
    if (error instanceof ApiError && error.status === 409) {
      toast((await copied(typed)) ? text.changedMeanwhile : text.changedMeanwhileTo(typed), { kind: "failed" });
      await this.segments.refresh();
      return;
    }
    const failure = text.notSaved(error instanceof Error ? error.message : String(error));
    unsavedTexts.keep(segment.id, { typed, before: segment.text ?? "" });
    const run = () => {
      if (this.isShown) {
        this.show(segment);
        this.edit(segment.id);
      } else this.goTo(segment);
    };
    toast(failure, { kind: "failed", action: { label: text.edit, run } });
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

/** Browsers have no clipboard for pages without TLS, and may refuse it. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether the application will not do it at another time either. */
function isRefused(error: unknown): boolean {
  return error instanceof ApiError && error.status >= 400 && error.status < 500;
}
