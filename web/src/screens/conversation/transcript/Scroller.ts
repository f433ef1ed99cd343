import type { Segment } from "@/api/segments";

import { textId } from "./Spoken";

/** Of the heading that stays on top, and of the player. */
const TOP_PX = 32;
const BOTTOM_PX = 140;
/** Within which two clicks are a double click, where the system has its default. */
const DOUBLE_CLICK_MS = 500;

/** Scrolls the transcript, which attaches itself. */
export class Scroller {
  private to: ((segment: Segment) => boolean) | undefined;
  /** Has no row yet. */
  private awaited: Segment | undefined;
  private clickedAt = -Infinity;

  /** The reader clicked on the text, and may click a second time at the same place. */
  readonly clicked = (): void => {
    this.clickedAt = performance.now();
  };

  /** Scroll with the voice, unless the text would move away under a double click. */
  readonly follow = (segment: Segment): void => {
    if (performance.now() - this.clickedAt > DOUBLE_CLICK_MS) this.show(segment);
  };

  /** `to` scrolls to a segment that may not be rendered; false where the list does not have it yet. */
  readonly attach = (to: (segment: Segment) => boolean) => {
    this.to = to;
    if (this.awaited && to(this.awaited)) this.awaited = undefined;
    return () => {
      this.to = undefined;
    };
  };

  /** Scroll to a segment unless all of it can be seen. */
  readonly show = (segment: Segment): void => {
    this.awaited = undefined;
    const box = document.getElementById(textId(segment.id))?.getBoundingClientRect();
    if (box && box.top >= TOP_PX && box.bottom <= window.innerHeight - BOTTOM_PX) return;
    if (!this.to?.(segment)) this.awaited = segment;
  };
}
