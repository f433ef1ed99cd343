import { useEffect, useRef } from "react";

import { type Levels, shown } from "@/lib/recording/levels";

/** A bar as long as the sound is loud. */
export function Meter({ levels, label }: { levels: Levels; label: string }) {
  const bar = useRef<HTMLDivElement>(null);
  const meter = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let frame = 0;
    const draw = () => {
      const height = shown(levels.now);
      if (bar.current) bar.current.style.transform = `scaleX(${height})`;
      meter.current?.setAttribute("aria-valuenow", String(Math.round(height * 100)));
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [levels]);
  return (
    <div
      ref={meter}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
      className="h-2 overflow-hidden rounded-full bg-soft"
    >
      <div ref={bar} className="h-full origin-left scale-x-0 rounded-full bg-accent transition-transform duration-150" />
    </div>
  );
}
