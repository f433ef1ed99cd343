import { type KeyboardEvent, type RefObject, useDeferredValue, useEffect, useMemo, useState } from "react";

import { IconButton } from "@/components/Button";
import { Input } from "@/components/Field";
import { Icon } from "@/components/Icon";
import { useConversationText } from "@/i18n/conversation";

import { useSession, useTranscript } from "../context";
import { matchesOf } from "./matches";

interface OpenBarProps {
  field: RefObject<HTMLInputElement | null>;
  onClose: () => void;
}

/** The field, and buttons to walk through what it finds. */
export function OpenBar({ field, onClose }: OpenBarProps) {
  const text = useConversationText();
  const { found, scroller } = useSession();
  const { segments } = useTranscript();
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState(0);
  const deferred = useDeferredValue(query);
  const matches = useMemo(() => matchesOf(segments, deferred), [segments, deferred]);
  const number = Math.min(chosen, matches.length - 1);
  const now = matches[number];

  useEffect(() => found.set(matches, now), [found, matches, now]);
  useEffect(() => () => found.set([], undefined), [found]);
  const place = now && `${now.segment.id} ${now.start}`;
  useEffect(() => {
    if (now) scroller.show(now.segment);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- more segments make new matches of the same place
  }, [scroller, place]);

  const move = (by: number) => setChosen((number + by + matches.length) % Math.max(1, matches.length));
  const pressed = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
    else if (event.key === "Enter") move(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  };
  return (
    <search className="fixed top-3 right-3 left-3 z-20 flex items-center gap-1 rounded-panel border border-line bg-panel p-2 shadow-float sm:left-auto sm:w-100">
      <Input
        ref={field}
        autoFocus
        type="text"
        aria-label={text.find}
        placeholder={text.find}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setChosen(0);
        }}
        onKeyDown={pressed}
        className="h-9 border-transparent"
      />
      <span role="status" className="px-1 text-[13px] whitespace-nowrap text-muted tabular-nums">
        {deferred.trim() && text.matches(number + 1, matches.length)}
      </span>
      <IconButton label={text.findPrevious} disabled={matches.length === 0} onClick={() => move(-1)} size="small">
        <Icon name="up" size={16} />
      </IconButton>
      <IconButton label={text.findNext} disabled={matches.length === 0} onClick={() => move(1)} size="small">
        <Icon name="down" size={16} />
      </IconButton>
      <IconButton label={text.closeFind} onClick={onClose} size="small">
        <Icon name="close" size={16} />
      </IconButton>
    </search>
  );
}
