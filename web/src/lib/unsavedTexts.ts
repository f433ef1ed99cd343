/** Texts of segments that could not be saved. They are kept while the page is open, whichever screen it shows. */
import { Store } from "@/lib/store";

export interface Unsaved {
  typed: string;
  /** What the segment had when it was edited. */
  before: string;
}

/** By segment. The browser asks before a page with any is closed or loaded again. */
class UnsavedTexts extends Store<ReadonlyMap<number, Unsaved>> {
  constructor() {
    super(new Map());
  }

  keep(segmentId: number, unsaved: Unsaved): void {
    this.replace(new Map(this.snapshot()).set(segmentId, unsaved));
  }

  discard(segmentId: number): void {
    const texts = new Map(this.snapshot());
    texts.delete(segmentId);
    this.replace(texts);
  }

  clear(): void {
    this.replace(new Map());
  }

  private replace(texts: ReadonlyMap<number, Unsaved>): void {
    const were = this.snapshot().size > 0;
    this.set(texts);
    if (texts.size > 0 && !were) window.addEventListener("beforeunload", ask);
    else if (texts.size === 0 && were) window.removeEventListener("beforeunload", ask);
  }
}

function ask(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

export const unsavedTexts = new UnsavedTexts();
