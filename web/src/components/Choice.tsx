import { useId } from "react";

import { cx } from "./cx";

interface ChoiceProps<Value extends string> {
  label: string;
  /** The values with their names. */
  values: Record<Value, string>;
  chosen: Value;
  onChoose: (value: Value) => void;
}

/** One of a few values. */
export function Choice<Value extends string>({ label, values, chosen, onChoose }: ChoiceProps<Value>) {
  const group = useId();
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1.5 font-medium">{label}</legend>
      <div className="inline-flex max-w-full flex-wrap gap-1 rounded-button border border-line bg-panel p-1">
        {(Object.keys(values) as Value[]).map((value) => (
          <label
            key={value}
            className={cx(
              "cursor-pointer rounded-lg px-3 py-1.5 has-focus-visible:outline-2 has-focus-visible:outline-accent",
              chosen === value ? "bg-soft font-medium" : "text-muted hover:text-ink",
            )}
          >
            <input type="radio" name={group} className="sr-only" checked={chosen === value} onChange={() => onChoose(value)} />
            {values[value]}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
