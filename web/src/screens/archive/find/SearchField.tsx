import { useEffect, useMemo, useRef, useState } from "react";

import { Input } from "@/components/Field";
import { useArchiveText } from "@/i18n/archive";
import { type Shortcut, useShortcuts } from "@/lib/keyboard";

/** After the last key, before something is searched. */
const PAUSE_MS = 250;
/** The API ignores the rest. */
const MAX_CHARACTERS = 1000;

interface SearchFieldProps {
  value: string;
  onChange: (value: string) => void;
}

/** The field at the top; `/` goes there, Escape empties it. */
export function SearchField({ value, onChange }: SearchFieldProps) {
  const text = useArchiveText();
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  if (value !== known) {
    // It was changed elsewhere: the browser went back.
    setKnown(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === known) return;
    const timer = setTimeout(() => {
      setKnown(typed);
      onChange(typed);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, known, onChange]);
  useShortcuts(
    useMemo<Shortcut[]>(() => [{ keys: ["/"], description: text.search, run: () => field.current?.select() }], [text]),
  );
  return (
    <Input
      ref={field}
      type="search"
      aria-label={text.search}
      aria-keyshortcuts="/"
      placeholder={text.searchHint}
      value={typed}
      maxLength={MAX_CHARACTERS}
      className="h-12! px-4! [&::-webkit-search-cancel-button]:hidden"
      onChange={({ target }) => setTyped(target.value)}
      onKeyDown={({ key }) => {
        if (key === "Escape") setTyped("");
      }}
    />
  );
}
