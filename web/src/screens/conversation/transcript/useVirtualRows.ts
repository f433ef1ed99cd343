import { defaultRangeExtractor, type Range, useWindowVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useLayoutEffect, useRef, useState } from "react";

import type { Rows } from "./rows";

const HEADING_PX = 24;
const LINE_PX = 26;
/** Below a segment, and below the last one of a turn. */
const GAP_PX = 6;
const TURN_GAP_PX = 20;
const CHARACTERS_A_LINE = 60;
const NOTE_PX = 40;
/** Rows that are rendered above and below the screen. */
const OVERSCAN = 10;
/** Of the player, which covers the end of the screen. */
const PLAYER_PX = 80;

/** The rows on the screen, in a list that scrolls with the window. */
export function useVirtualRows({ rows, blocks }: Rows) {
  const list = useRef<HTMLOListElement>(null);
  const [listTop, setListTop] = useState(0);
  useLayoutEffect(() => {
    const measure = () => {
      if (list.current) setListTop(Math.round(list.current.getBoundingClientRect().top + window.scrollY));
    };
    measure();
    const observer = new ResizeObserver(measure); // what is above the list may grow
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);

  const estimateSize = useCallback(
    (index: number) => {
      const row = rows[index];
      const block = row && blocks[row.block];
      if (!row || block?.kind !== "turn") return NOTE_PX;
      if (row.segment < 0) return HEADING_PX;
      const place = index - block.firstRow - 1;
      const segment = block.segments[place];
      const lines = Math.max(1, Math.ceil((segment?.text?.length ?? 0) / CHARACTERS_A_LINE));
      const gap = place === block.segments.length - 1 ? TURN_GAP_PX : GAP_PX;
      return lines * LINE_PX + gap;
    },
    [rows, blocks],
  );
  /** The heading of the first turn on the screen is also rendered, as it stays on top. */
  const rangeExtractor = useCallback(
    (range: Range) => {
      const indexes = defaultRangeExtractor(range);
      const first = rows[indexes[0] ?? 0];
      const heading = first && blocks[first.block]?.firstRow;
      return heading === undefined || heading === indexes[0] ? indexes : [heading, ...indexes];
    },
    [rows, blocks],
  );
  const virtualizer = useWindowVirtualizer<HTMLElement>({
    count: rows.length,
    estimateSize,
    rangeExtractor,
    getItemKey: useCallback((index: number) => rows[index]?.key ?? index, [rows]),
    overscan: OVERSCAN,
    scrollMargin: listTop,
    scrollPaddingStart: HEADING_PX,
    scrollPaddingEnd: PLAYER_PX,
    useFlushSync: false,
  });
  return { list, listTop, virtualizer };
}
