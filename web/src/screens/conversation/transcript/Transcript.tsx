import type { VirtualItem } from "@tanstack/react-virtual";
import { type MouseEvent, useEffect, useLayoutEffect, useMemo, useRef } from "react";

import { useMay } from "@/api/me";
import { Loading } from "@/components/Loading";
import { toastError } from "@/components/toast";
import { useConversationText } from "@/i18n/conversation";

import { useSession, useTranscript } from "../context";
import { clickedPlace, clickedWord } from "./clickedWord";
import { type Block, type Note, type Rows, rowsIn, rowsOf } from "./rows";
import { NoteRow, SegmentRow, TurnHeading } from "./Turn";
import { useFollow } from "./useFollow";
import { useVirtualRows } from "./useVirtualRows";

/** The transcript. Only the rows on the screen, and some around them, are elements of the page. */
export function Transcript({ notes }: { notes: readonly Note[] }) {
  const text = useConversationText();
  const { segments: store, player, spoken, found, scroller, editor, doubts } = useSession();
  const mayWrite = useMay("writer");
  const click = useRef<{ wasPlaying: boolean }>(null);
  const { segments, total, error } = useTranscript();
  const rows = useMemo(() => rowsOf(segments, notes), [segments, notes]);
  const { list, listTop, virtualizer } = useVirtualRows(rows);
  const items = virtualizer.getVirtualItems();
  useFollow();
  useEffect(
    () =>
      scroller.attach(({ id }) => {
        const row = rows.rowOf.get(id);
        if (row !== undefined) virtualizer.scrollToIndex(row, { align: "center" });
        return row !== undefined;
      }),
    [scroller, rows, virtualizer],
  );

  const [from, to] = shownSegments(rows, items);
  useLayoutEffect(() => {
    spoken.update();
    found.update();
    doubts.update();
  }, [spoken, found, doubts, from, to]);
  useEffect(() => {
    if (from <= to) store.loadWords(from, to).catch(() => undefined); // they only mark what is spoken
  }, [store, segments, from, to]);

  if (total === null && !error) return <Loading />;
  const play = (event: MouseEvent) => {
    if (event.detail > 1) return;
    scroller.clicked();
    const own = { wasPlaying: player.snapshot().playing };
    click.current = own;
    clickedWord(event, store).then((word) => word && click.current === own && player.playFrom(word.start), toastError);
  };
  const edit = (event: MouseEvent) => {
    const place = mayWrite && clickedPlace(event);
    if (!place) return;
    // The first of the two clicks began to play, or will.
    if (click.current?.wasPlaying === false && !player.audio.paused) player.toggle();
    click.current = null;
    editor.edit(place.segmentId, place.offset);
  };
  return (
    <section aria-label={text.transcript}>
      <h2 className="sr-only">{text.transcript}</h2>
      {error && (
        <p role="alert" className="pb-4 text-danger">
          {error.message}
        </p>
      )}
      {total === 0 && <p className="text-muted">{text.nothingSaid}</p>}
      <ol ref={list} className="relative" style={{ height: virtualizer.getTotalSize() }} onClick={play} onDoubleClick={edit}>
        {inBlocks(items, (index) => rows.rows[index]?.block ?? -1).map(([number, own]) => {
          const block = rows.blocks[number];
          if (!block) return null;
          const top = virtualizer.measurementsCache[block.firstRow]?.start ?? 0;
          const end = virtualizer.measurementsCache[block.firstRow + rowsIn(block) - 1]?.end ?? top;
          return (
            <li
              key={block.key}
              aria-setsize={segments.length < (total ?? 0) ? -1 : rows.blocks.length}
              aria-posinset={number + 1}
              className="absolute inset-x-0"
              style={{ top: top - listTop, height: end - top }}
            >
              <BlockRows block={block} items={own} measure={virtualizer.measureElement} />
            </li>
          );
        })}
      </ol>
    </section>
  );
}

interface BlockRowsProps {
  block: Block;
  items: VirtualItem[];
  measure: (element: HTMLElement | null) => void;
}

/** The rendered rows of a block: its heading, a gap for the rows that are not rendered, and those that are. */
function BlockRows({ block, items, measure }: BlockRowsProps) {
  const [heading, ...rest] = items;
  if (!heading) return null;
  if (block.kind === "note") {
    return (
      <div ref={measure} data-index={heading.index}>
        <NoteRow note={block.note} />
      </div>
    );
  }
  const first = block.segments[0];
  return (
    <article className="h-full">
      <div ref={measure} data-index={heading.index} className="sticky top-0 z-10">
        {first && <TurnHeading voice={block.voice} first={first} />}
      </div>
      {rest[0] && <div style={{ height: rest[0].start - heading.end }} />}
      {rest.map((item) => {
        const place = item.index - block.firstRow - 1;
        const segment = block.segments[place];
        if (!segment) return null;
        return (
          <div key={item.key} ref={measure} data-index={item.index}>
            <SegmentRow segment={segment} first={place === 0} last={place === block.segments.length - 1} />
          </div>
        );
      })}
    </article>
  );
}

/** The first and the last rendered segment, as indexes of the transcript. */
function shownSegments({ rows }: Rows, items: readonly VirtualItem[]): [number, number] {
  const shown = items.map(({ index }) => rows[index]?.segment ?? -1).filter((segment) => segment >= 0);
  return [shown[0] ?? 0, shown.at(-1) ?? -1];
}

/** Consecutive items with the same block, with the number of the block. */
function inBlocks(items: readonly VirtualItem[], blockOf: (index: number) => number): [number, VirtualItem[]][] {
  const found: [number, VirtualItem[]][] = [];
  for (const item of items) {
    const block = blockOf(item.index);
    const last = found.at(-1);
    if (last?.[0] === block) last[1].push(item);
    else found.push([block, [item]]);
  }
  return found;
}
