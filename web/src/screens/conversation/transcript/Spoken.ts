import type { Segment } from "@/api/segments";
import { Store } from "@/lib/store";

import type { Player } from "../player/Player";
import type { SegmentStore } from "../segments";
import { segmentAt, wordAt, wordSpans } from "./words";

const HIGHLIGHT = "spoken-word";

/** The id of the element whose only child is the text of a segment. */
export const textId = (segmentId: number) => `segment-${segmentId}`;

/** The node with the text of a segment; undefined where the segment is not rendered, or is being edited. */
export function textNode(segmentId: number): Text | undefined {
  const node = document.getElementById(textId(segmentId))?.firstChild;
  return node instanceof Text ? node : undefined;
}

/** Follows the player: the segment at its position, and the word, both of which it marks without rendering anything again. */
export class Spoken extends Store<Segment | undefined> {
  private marked: Element | null = null;

  constructor(
    private readonly segments: SegmentStore,
    private readonly player: Player,
  ) {
    super(undefined);
  }

  /** Begin; returns what ends it. */
  readonly follow = () => {
    const ends = [this.player.onTime(this.update), this.segments.subscribe(this.update)];
    return () => {
      for (const end of ends) end();
      CSS.highlights.delete(HIGHLIGHT);
    };
  };

  /** Mark the segment and its word. Call it also when rows were rendered. */
  readonly update = (): void => {
    const { segments } = this.segments.snapshot();
    const segment = segments[segmentAt(segments, this.player.time)];
    this.mark(segment);
    if (segment !== this.snapshot()) this.set(segment);
  };

  private mark(segment: Segment | undefined): void {
    const node = segment && textNode(segment.id);
    const element = node?.parentElement ?? null;
    if (element !== this.marked) {
      this.marked?.removeAttribute("data-spoken");
      element?.setAttribute("data-spoken", "");
      this.marked = element;
    }
    const range = segment && node && this.wordRange(segment, node);
    if (range) CSS.highlights.set(HIGHLIGHT, new Highlight(range));
    else CSS.highlights.delete(HIGHLIGHT);
  }

  private wordRange(segment: Segment, node: Text): StaticRange | undefined {
    const { time } = this.player;
    const words = this.segments.wordsOf(segment.id);
    if (!words || time >= segment.end_offset) return undefined;
    const span = wordSpans(node.data, words)[wordAt(words, time)];
    if (!span) return undefined;
    return new StaticRange({ startContainer: node, startOffset: span[0], endContainer: node, endOffset: span[1] });
  }
}
