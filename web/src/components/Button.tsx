import type { ComponentProps, ReactNode } from "react";
import { Link } from "react-router";

import { cx } from "./cx";

const BASE =
  "inline-flex items-center justify-center gap-2 font-medium whitespace-nowrap transition-colors duration-150 disabled:opacity-50 disabled:cursor-not-allowed";

const KINDS = {
  primary: "bg-accent text-on-accent hover:opacity-90",
  plain: "bg-panel text-ink border border-line hover:bg-soft",
  quiet: "text-ink hover:bg-soft",
  danger: "bg-danger text-on-danger hover:opacity-90",
} as const;

const SIZES = {
  normal: "h-9 px-3.5 rounded-button",
  small: "h-7 px-2.5 text-[13px] rounded-lg",
  large: "h-11 px-5 rounded-button",
};

export interface ButtonProps extends ComponentProps<"button"> {
  /** At most one `primary` button on a screen. */
  kind?: keyof typeof KINDS;
  size?: keyof typeof SIZES;
}

export function Button({ kind = "plain", size = "normal", className, type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={cx(BASE, KINDS[kind], SIZES[size], className)} {...rest} />;
}

/** A link that looks like a button. */
export function ButtonLink({
  kind = "plain",
  size = "normal",
  className,
  ...rest
}: ComponentProps<typeof Link> & Pick<ButtonProps, "kind" | "size">) {
  return <Link className={cx(BASE, KINDS[kind], SIZES[size], className)} {...rest} />;
}

interface FileButtonProps {
  accept: string;
  onFile: (file: File) => void;
  children: ReactNode;
}

/** A button that asks for a file. */
export function FileButton({ accept, onFile, children }: FileButtonProps) {
  return (
    <label className={cx(BASE, KINDS.plain, SIZES.normal, "cursor-pointer focus-within:outline-2 focus-within:outline-accent")}>
      {children}
      <input
        type="file"
        accept={accept}
        className="sr-only"
        onChange={({ target }) => {
          const file = target.files?.[0];
          target.value = ""; // the same file can be chosen again
          if (file) onFile(file);
        }}
      />
    </label>
  );
}

/** A button that shows an icon; `label` is its name and its tooltip. */
export function IconButton({ label, className, kind = "quiet", ...rest }: ButtonProps & { label: string }) {
  return <Button kind={kind} aria-label={label} title={label} className={cx("w-9 px-0! shrink-0", className)} {...rest} />;
}
