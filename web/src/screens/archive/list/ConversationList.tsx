import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";

import type { ListedConversation } from "@/api/conversations";
import type { Job } from "@/api/jobs";
import { useArchiveText } from "@/i18n/archive";

import { useOwnerOf } from "../owners";
import { ConversationRow, type RowCallbacks } from "./ConversationRow";

const ROW_PX = 75;
/** So many rows before the end the next page is read. */
const AHEAD = 20;

interface ConversationListProps extends RowCallbacks {
  conversations: readonly ListedConversation[];
  /** With those that are not read yet. */
  total: number;
  selected: ReadonlySet<number>;
  /** The last job of a conversation, if it failed or was cancelled. */
  ended: ReadonlyMap<number, Job>;
  /** Read the next page, if there is one. */
  onEnd: () => void;
}

/** The conversations; only those on the screen are in the document. */
export function ConversationList({ conversations, total, selected, ended, onEnd, ...callbacks }: ConversationListProps) {
  const text = useArchiveText();
  const ownerOf = useOwnerOf();
  const list = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setTop(list.current ? list.current.getBoundingClientRect().top + window.scrollY : 0);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  const rows = useWindowVirtualizer({
    count: conversations.length,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => conversations[index]?.id ?? index,
    overscan: 8,
    scrollMargin: top,
  });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= conversations.length - AHEAD) onEnd();
  }, [last, conversations.length, onEnd]);
  return (
    <ul
      ref={list}
      aria-label={text.conversations}
      className="relative rounded-panel border border-line bg-panel"
      style={{ height: rows.getTotalSize() + 2 }}
    >
      {shown.map((row) => {
        const conversation = conversations[row.index];
        return (
          conversation && (
            <li
              key={row.key}
              ref={rows.measureElement}
              data-index={row.index}
              aria-posinset={row.index + 1}
              aria-setsize={total}
              className="group absolute inset-x-0 top-0 scroll-my-20 border-line not-data-[index='0']:border-t"
              style={{ transform: `translateY(${row.start - top}px)` }}
            >
              <ConversationRow
                conversation={conversation}
                job={ended.get(conversation.id)}
                selected={selected.has(conversation.id)}
                selecting={selected.size > 0}
                owner={ownerOf(conversation)}
                {...callbacks}
              />
            </li>
          )
        );
      })}
    </ul>
  );
}
