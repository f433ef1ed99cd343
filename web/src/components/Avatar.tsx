import { initials, speakerColour } from "@/lib/speakerColour";

import { cx } from "./cx";

interface AvatarProps {
  speakerId: number | null;
  name: string | null;
  size?: "small" | "normal";
  className?: string;
}

/** The initials of a speaker in the speaker's colour. It repeats the name beside it, so screen readers skip it. */
export function Avatar({ speakerId, name, size = "normal", className }: AvatarProps) {
  const colour = speakerColour(speakerId, name);
  return (
    <span
      aria-hidden="true"
      className={cx(
        "inline-grid shrink-0 place-items-center rounded-full font-semibold select-none",
        size === "small" ? "size-6 text-[10.5px]" : "size-8.5 text-[12.5px]",
        className,
      )}
      style={{ background: colour.tint, color: colour.text }}
    >
      {initials(name)}
    </span>
  );
}
