import { type ComponentProps, type ReactNode, useId } from "react";

import { cx } from "./cx";

export const INPUT =
  "h-10 w-full min-w-0 rounded-button border border-line bg-panel px-3 text-ink placeholder:text-muted focus-visible:border-accent focus-visible:outline-1 focus-visible:outline-offset-0";

/** A text field without a visible label; give it `aria-label`. */
export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={cx(INPUT, className)} {...rest} />;
}

interface FieldProps {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  /** The control; it gets the id and the description. */
  children: (control: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean | undefined }) => ReactNode;
}

/** A control with its label, and a hint or an error below it. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const described = error || hint ? `${id}-about` : undefined;
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      {children({ id, "aria-describedby": described, "aria-invalid": error ? true : undefined })}
      {described && (
        <p id={described} className={cx("text-[13px]", error ? "text-danger" : "text-muted")}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

interface TextFieldProps extends Omit<ComponentProps<"input">, "id" | "value" | "onChange">, Omit<FieldProps, "children"> {
  value: string;
  onChange: (value: string) => void;
}

/** A text field with its label. */
export function TextField({ label, hint, error, onChange, ...rest }: TextFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => <Input {...control} {...rest} onChange={({ target }) => onChange(target.value)} />}
    </Field>
  );
}
