import { textNode } from "../transcript/Spoken";
import type { Match } from "./matches";

const ALL = "found";
const NOW = "found-now";

/** Marks what was found in the rows on the screen, without rendering them again. */
export class Found {
  private bySegment = new Map<number, Match[]>();
  private now: Match | undefined;

  readonly set = (matches: readonly Match[], now: Match | undefined): void => {
    this.bySegment = new Map();
    for (const match of matches) {
      const own = this.bySegment.get(match.segment.id);
      if (own) own.push(match);
      else this.bySegment.set(match.segment.id, [match]);
    }
    this.now = now;
    this.update();
  };

  /** Mark again, as rows were rendered. */
  readonly update = (): void => {
    CSS.highlights.delete(ALL);
    CSS.highlights.delete(NOW);
    if (this.bySegment.size === 0) return;
    const found = new Highlight();
    for (const element of document.querySelectorAll<HTMLElement>("[data-segment]")) {
      for (const match of this.bySegment.get(Number(element.dataset.segment)) ?? []) {
        const range = rangeOf(match);
        if (range && match === this.now) CSS.highlights.set(NOW, new Highlight(range));
        else if (range) found.add(range);
      }
    }
    CSS.highlights.set(ALL, found);
  };
}

function rangeOf({ segment, start, end }: Match): StaticRange | undefined {
  const node = textNode(segment.id);
  if (!node || end > node.length) return undefined;
  return new StaticRange({ startContainer: node, startOffset: start, endContainer: node, endOffset: end });
}
