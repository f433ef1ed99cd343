import { useState } from "react";

import { cx } from "./cx";

interface TitleFieldProps {
  title: string;
  /** The name of the field. */
  label: string;
  /** Called with the new title, or with none where it stays. */
  onDone: (title?: string) => void;
  className?: string;
}

/** A title while it is changed: Enter and leaving the field keep it, Escape does not. */
export function TitleField({ title, label, onDone, className }: TitleFieldProps) {
  const [typed, setTyped] = useState(title);
  const changed = typed.trim();
  const keep = () => onDone(changed && changed !== title ? changed : undefined);
  return (
    <input
      autoFocus
      dir="auto"
      aria-label={label}
      maxLength={1000}
      value={typed}
      onFocus={({ target }) => target.select()}
      onChange={({ target }) => setTyped(target.value)}
      onBlur={keep}
      onKeyDown={({ key }) => {
        if (key === "Enter") keep();
        if (key === "Escape") onDone();
      }}
      className={cx("-mx-2 w-[calc(100%+16px)] rounded-lg bg-panel px-2 outline-2 outline-accent", className)}
    />
  );
}
