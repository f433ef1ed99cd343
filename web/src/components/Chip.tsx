import type { ReactNode } from "react";

import { useCommonText } from "@/i18n/common";

import { cx } from "./cx";
import { Icon } from "./Icon";

interface ChipProps {
  children: ReactNode;
  /** What removing it does, for its button. Without `onRemove` it has none. */
  removeLabel?: string;
  onRemove?: () => void;
  className?: string;
}

/** A tag or a filter. */
export function Chip({ children, removeLabel, onRemove, className }: ChipProps) {
  const text = useCommonText();
  return (
    <span
      className={cx(
        "inline-flex h-7 items-center gap-1 rounded-chip border border-line bg-panel px-3 text-[13px]",
        onRemove && "pr-1",
        className,
      )}
    >
      {children}
      {onRemove && (
        <button
          type="button"
          aria-label={removeLabel ?? text.delete}
          onClick={onRemove}
          className="grid size-6 place-items-center rounded-full text-muted hover:bg-soft hover:text-ink"
        >
          <Icon name="close" size={13} />
        </button>
      )}
    </span>
  );
}
