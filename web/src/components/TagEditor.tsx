import { useId, useState } from "react";

import { useTags } from "@/api/tags";
import { useCommonText } from "@/i18n/common";

import { Chip } from "./Chip";
import { Input } from "./Field";

const MAX_SUGGESTED = 8;
const MAX_TAG_CHARACTERS = 100;

interface TagEditorProps {
  tags: readonly string[];
  onAdd: (tag: string) => void;
  /** Without it, tags can only be added. */
  onRemove?: (tag: string) => void;
}

/** Tags with a field for another one, and those that other conversations have. */
export function TagEditor({ tags, onAdd, onRemove }: TagEditorProps) {
  const text = useCommonText();
  const [typed, setTyped] = useState("");
  const hint = useId();
  const known = useTags().data ?? [];
  const has = (name: string) => tags.some((tag) => same(tag, name));
  const suggested = known.filter(({ name }) => !has(name) && fold(name).includes(fold(typed))).slice(0, MAX_SUGGESTED);
  const add = (name: string) => {
    setTyped("");
    if (name.trim() && !has(name)) onAdd(name.trim());
  };
  return (
    <div className="grid gap-3">
      {tags.length > 0 && (
        <div className="flex flex-wrap gap-1.5">
          {tags.map((tag) => (
            <Chip key={tag} {...(onRemove && { onRemove: () => onRemove(tag), removeLabel: text.removeTag(tag) })}>
              {tag}
            </Chip>
          ))}
        </div>
      )}
      <Input
        autoFocus
        aria-label={text.newTag}
        aria-describedby={hint}
        placeholder={text.newTag}
        value={typed}
        maxLength={MAX_TAG_CHARACTERS}
        onChange={({ target }) => setTyped(target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
          event.preventDefault();
          add(typed);
        }}
      />
      <p id={hint} className="sr-only">
        {text.newTagHint}
      </p>
      {suggested.length > 0 && (
        <div className="flex flex-wrap gap-1.5">
          {suggested.map(({ name }) => (
            <button
              key={name}
              type="button"
              className="h-7 rounded-chip border border-dashed border-line px-3 text-[13px] hover:bg-soft"
              onClick={() => add(name)}
            >
              {name}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function fold(name: string): string {
  return name.trim().toLocaleLowerCase();
}

function same(one: string, other: string): boolean {
  return fold(one) === fold(other);
}
