import type { Segment, Word } from "@/api/segments";
import { toast, toastError } from "@/components/toast";
import { useEditingText } from "@/i18n/editing";
import { Store } from "@/lib/store";

import type { Player } from "../player/Player";
import type { SegmentStore } from "../segments";
import type { Scroller } from "../transcript/Scroller";
import { textNode } from "../transcript/Spoken";
import { wordSpans } from "../transcript/words";

const HIGHLIGHT = "doubtful-word";
/** Words with a lower probability are doubtful: in the sample and the readers, most of those are wrong, and few others are. */
const DOUBTFUL = 0.4;

export interface Doubt {
  segment: Segment;
  word: Word;
}

/** A walk through the words that the transcriber was not sure of: the present one, or null. Text that a person corrected is left out. */
export class Doubts extends Store<Doubt | null> {
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly segments: SegmentStore,
    private readonly player: Player,
    private readonly scroller: Scroller,
  ) {
    super(null);
  }

  /** Go to the next doubtful word, or the one before. Several steps are made one after the other. A failure is shown. */
  go(step: 1 | -1): Promise<void> {
    return (this.last = this.last.then(() => this.move(step)).catch(toastError));
  }

  private async move(step: 1 | -1): Promise<void> {
    const found = await this.find(this.snapshot()?.word.start ?? this.player.time, step);
    if (!found) {
      toast(useEditingText.now().noDoubt);
      return;
    }
    this.player.seek(found.word.start);
    this.scroller.show(found.segment);
    this.show(found);
  }

  readonly close = (): void => this.show(null);

  /** Mark the word. Call it also when rows were rendered. */
  readonly update = (): void => {
    const doubt = this.snapshot();
    const node = doubt && textNode(doubt.segment.id);
    const words = doubt && this.segments.wordsOf(doubt.segment.id);
    const span = node && words && wordSpans(node.data, words)[words.findIndex(({ start }) => start === doubt.word.start)];
    if (!span) {
      CSS.highlights.delete(HIGHLIGHT);
      return;
    }
    const range = new StaticRange({ startContainer: node, startOffset: span[0], endContainer: node, endOffset: span[1] });
    CSS.highlights.set(HIGHLIGHT, new Highlight(range));
  };

  private async find(from: number, step: 1 | -1): Promise<Doubt | undefined> {
    const { segments } = this.segments.snapshot();
    const ordered = step > 0 ? segments : segments.toReversed();
    for (const segment of ordered) {
      if (step > 0 ? segment.end_offset < from : segment.start_offset > from) continue;
      if (segment.edited_at != null) continue;
      const words = (await this.segments.readWordsOf(segment.id)).filter(
        ({ probability, start }) => probability < DOUBTFUL && (step > 0 ? start > from : start < from),
      );
      const word = step > 0 ? words[0] : words.at(-1);
      if (word) return { segment, word };
    }
    return undefined;
  }

  private show(doubt: Doubt | null): void {
    this.set(doubt);
    this.update();
  }
}
