import { Fragment, type KeyboardEvent, useId, useRef, useState } from "react";

import { Avatar } from "@/components/Avatar";
import { cx } from "@/components/cx";
import { Input } from "@/components/Field";
import { useArchiveText } from "@/i18n/archive";

import type { Filters } from "./filters";
import { type Choice, useChoices } from "./useChoices";

/** Of a group, until something is typed. */
const MAX_OF_GROUP = 5;
const MAX_FOUND = 50;

interface ChoicesProps {
  filters: Filters;
  onChoose: (change: Partial<Filters>) => void;
}

/** A field to type in, and what it finds among speakers, tags, dates and so on. */
export function Choices({ filters, onChoose }: ChoicesProps) {
  const text = useArchiveText();
  const id = useId();
  const [typed, setTyped] = useState("");
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const choices = narrowed(useChoices(filters), typed);
  const move = (to: number) => {
    const next = Math.max(0, Math.min(choices.length - 1, to));
    setActive(next);
    list.current?.querySelector(`[data-index="${next}"]`)?.scrollIntoView({ block: "nearest" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    const step = steps[event.key];
    const chosen = choices[active];
    if (step) move(active + step);
    else if (event.key === "Enter" && chosen && !event.nativeEvent.isComposing) onChoose(chosen.change);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <Input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={choices.length ? `${id}-${active}` : undefined}
        aria-label={text.filterBy}
        placeholder={text.filterBy}
        value={typed}
        onChange={({ target }) => {
          setTyped(target.value);
          setActive(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id={id} role="listbox" aria-label={text.filterBy} className="my-1.5 max-h-80 overflow-y-auto">
        {choices.map((choice, index) => (
          <Fragment key={choice.key}>
            {choice.group !== choices[index - 1]?.group && (
              <p role="presentation" className="px-2 pt-2.5 pb-1 text-[12px] text-muted">
                {choice.group}
              </p>
            )}
            <ChoiceRow
              choice={choice}
              id={`${id}-${index}`}
              index={index}
              active={index === active}
              onChoose={() => onChoose(choice.change)}
              onPoint={() => setActive(index)}
            />
          </Fragment>
        ))}
      </div>
      {choices.length === 0 && <p className="px-2 pb-3 text-muted">{text.noFilter}</p>}
    </>
  );
}

interface ChoiceRowProps {
  choice: Choice;
  id: string;
  index: number;
  active: boolean;
  onChoose: () => void;
  onPoint: () => void;
}

/** The keys are those of the field, which keeps the focus. */
function ChoiceRow({ choice, id, index, active, onChoose, onPoint }: ChoiceRowProps) {
  return (
    <div
      role="option"
      id={id}
      data-index={index}
      aria-selected={active}
      aria-label={`${choice.group}: ${choice.label}`}
      className={cx("flex min-h-8 cursor-pointer items-center gap-2 rounded-lg px-2 py-1", active && "bg-soft")}
      onClick={onChoose}
      onMouseMove={onPoint}
    >
      {choice.speakerId !== undefined && <Avatar size="small" speakerId={choice.speakerId} name={choice.label} />}
      <span className="truncate">{choice.label}</span>
    </div>
  );
}

/** Those that have all typed words; without any, the first of each group. */
function narrowed(choices: readonly Choice[], typed: string): readonly Choice[] {
  const words = typed.toLocaleLowerCase().split(/\s+/u).filter(Boolean);
  if (words.length) {
    const has = ({ group, label }: Choice) => words.every((word) => `${group} ${label}`.toLocaleLowerCase().includes(word));
    return choices.filter(has).slice(0, MAX_FOUND);
  }
  const counts = new Map<string, number>();
  return choices.filter(({ group }) => {
    const count = (counts.get(group) ?? 0) + 1;
    counts.set(group, count);
    return count <= MAX_OF_GROUP;
  });
}
