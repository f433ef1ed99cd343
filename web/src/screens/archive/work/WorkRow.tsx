import type { ReactNode } from "react";

import { cx } from "@/components/cx";

interface WorkRowProps {
  title: string;
  /** What happens, or why it failed. */
  about: string;
  failed?: boolean;
  /** 0 to 1. */
  fraction: number;
  children: ReactNode;
}

/** An upload or a job: what it is, how far it is, and buttons. */
export function WorkRow({ title, about, failed, fraction, children }: WorkRowProps) {
  return (
    <li className="flex min-h-17 items-center gap-x-5 py-2.5 pr-3 pl-4.5">
      <div className="flex min-w-0 grow flex-col gap-x-8 gap-y-2 sm:flex-row sm:items-center">
        <div className={cx("min-w-0", !failed && "sm:w-105 sm:shrink-0")}>
          <p className="truncate font-semibold" title={title} dir="auto">
            {title}
          </p>
          <p className={failed ? "text-[13px] text-danger" : "text-[13px] text-muted tabular-nums"}>{about}</p>
        </div>
        {!failed && (
          <div
            role="progressbar"
            aria-label={title}
            aria-valuenow={Math.round(fraction * 100)}
            aria-valuetext={about}
            className="h-1 grow overflow-hidden rounded-full bg-line"
          >
            <div
              className="h-full origin-left bg-accent transition-transform duration-180 ease-ui"
              style={{ transform: `scaleX(${fraction})` }}
            />
          </div>
        )}
      </div>
      <div className="flex shrink-0 items-center gap-1">{children}</div>
    </li>
  );
}
