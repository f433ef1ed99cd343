import { type KeyboardEvent, useId, useState } from "react";

import { Avatar } from "@/components/Avatar";
import { cx } from "@/components/cx";
import { INPUT } from "@/components/Field";
import { useLocale } from "@/i18n/language";
import { useNamingText } from "@/i18n/naming";
import { similarityText } from "@/lib/similarity";
import { span } from "@/lib/time";

import type { Candidate } from "./candidates";

interface NameFieldProps {
  typed: string;
  onType: (typed: string) => void;
  /** Existing people that fit. */
  candidates: readonly Candidate[];
  /** The typed name is nobody's yet. */
  isNew: boolean;
  /** Who is chosen: a candidate's id, "new", or nobody. */
  chosen: number | "new" | null;
  onChoose: (chosen: number | "new") => void;
  onSubmit: () => void;
}

/** A combobox of people: arrow keys choose, Enter names. The WAI-ARIA pattern "editable combobox with list autocomplete". */
export function NameField({ typed, onType, candidates, isNew, chosen, onChoose, onSubmit }: NameFieldProps) {
  const text = useNamingText();
  const locale = useLocale();
  const list = useId();
  const [moved, setMoved] = useState(false);
  const options: (number | "new")[] = [...candidates.map(({ id }) => id), ...(isNew ? (["new"] as const) : [])];

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step && options.length) {
      const at = chosen === null ? (step > 0 ? -1 : 0) : options.indexOf(chosen);
      const next = options.at((at + step + options.length) % options.length);
      if (next !== undefined) onChoose(next);
      setMoved(true);
      event.preventDefault();
    } else if (event.key === "Enter" && !event.nativeEvent.isComposing) {
      onSubmit();
      event.preventDefault();
    }
  };
  return (
    <>
      <input
        role="combobox"
        aria-label={text.name}
        aria-expanded={options.length > 0}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={chosen === null || !moved ? undefined : `${list}-${chosen}`}
        autoComplete="off"
        autoFocus={!matchMedia("(pointer: coarse)").matches} // the keyboard of a touch screen would cover the samples
        maxLength={200}
        placeholder={text.placeholder}
        dir="auto"
        className={INPUT}
        value={typed}
        onChange={(event) => onType(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <ul id={list} role="listbox" aria-label={text.choices} className="my-2 grid max-h-60 overflow-auto">
        {candidates.map(({ id, name, similarity, seconds }) => (
          <Option key={id} id={`${list}-${id}`} chosen={chosen === id} onChoose={() => onChoose(id)}>
            <Avatar speakerId={id} name={name} size="small" />
            <span dir="auto" className="grow truncate">
              {name}
            </span>
            <span className="text-[13px] text-muted tabular-nums">
              {similarity === null
                ? seconds > 0 && text.heard(span(seconds, locale))
                : text.similar(similarityText(similarity, locale))}
            </span>
          </Option>
        ))}
        {isNew && (
          <Option id={`${list}-new`} chosen={chosen === "new"} onChoose={() => onChoose("new")}>
            <span className="truncate text-accent">{text.newPerson(typed.trim())}</span>
          </Option>
        )}
      </ul>
    </>
  );
}

interface OptionProps {
  id: string;
  chosen: boolean;
  onChoose: () => void;
  children: React.ReactNode;
}

function Option({ id, chosen, onChoose, children }: OptionProps) {
  return (
    <li
      id={id}
      role="option"
      aria-selected={chosen}
      onPointerDown={(event) => event.preventDefault()} // the field keeps the focus
      onClick={onChoose}
      className={cx("flex h-9.5 cursor-pointer items-center gap-2.5 rounded-button px-2", chosen ? "bg-soft" : "hover:bg-soft")}
    >
      {children}
    </li>
  );
}
