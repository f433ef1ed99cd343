import type { MouseEvent } from "react";

import type { Word } from "@/api/segments";

import type { SegmentStore } from "../segments";
import { wordAtOffset } from "./words";

/** Where in the transcript a click is. */
export interface Place {
  segmentId: number;
  /** Characters before it. */
  offset: number;
  /** The text of the segment. */
  text: string;
}

export function clickedPlace({ target, clientX, clientY }: MouseEvent): Place | undefined {
  const element = target instanceof Element ? target.closest<HTMLElement>("[data-segment]") : null;
  const caret = element && caretAt(clientX, clientY);
  if (!caret || !element.contains(caret.node) || !(caret.node instanceof Text)) return undefined;
  return { segmentId: Number(element.dataset.segment), offset: caret.offset, text: caret.node.data };
}

/** The word under a click on the transcript; undefined where there is none, or where the reader selects text. */
export async function clickedWord(event: MouseEvent, store: SegmentStore): Promise<Word | undefined> {
  const place = clickedPlace(event);
  if (!place || !getSelection()?.isCollapsed) return undefined;
  const words = store.wordsOf(place.segmentId) ?? (await store.readWordsOf(place.segmentId));
  return words[wordAtOffset(place.text, words, place.offset)];
}

function caretAt(x: number, y: number): { node: Node; offset: number } | undefined {
  // Safari has the older function only, which TypeScript calls deprecated.
  if ("caretPositionFromPoint" in document) {
    const position = document.caretPositionFromPoint(x, y);
    return position ? { node: position.offsetNode, offset: position.offset } : undefined;
  }
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const range = (document as Document).caretRangeFromPoint(x, y);
  return range ? { node: range.startContainer, offset: range.startOffset } : undefined;
}
