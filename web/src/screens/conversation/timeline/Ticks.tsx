import { clock } from "@/lib/time";

import { ticks } from "./scale";

/** Times below the timeline. */
export function Ticks({ duration, width }: { duration: number; width: number }) {
  return (
    <div aria-hidden="true" className="relative h-6 text-[12px] text-muted tabular-nums">
      {ticks(duration, width).map((seconds) => (
        <span
          key={seconds}
          className="absolute top-1"
          style={{
            left: `${(100 * seconds) / duration}%`,
            translate: seconds === 0 ? "0" : seconds === duration ? "-100%" : "-50%",
          }}
        >
          {clock(seconds)}
        </span>
      ))}
    </div>
  );
}
