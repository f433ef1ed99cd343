import { useEffect, useRef } from "react";

import { Icon } from "@/components/Icon";
import { Button, IconButton } from "@/components/Button";
import { useConversationText } from "@/i18n/conversation";
import { clock } from "@/lib/time";

import { usePlayer, useSession } from "../context";
import { copyLink } from "../copyLink";
import { RATES } from "./Player";

/** The player, always at hand: at the end of the screen, on a phone above the navigation. */
export function PlayerBar() {
  const text = useConversationText();
  const { player } = useSession();
  const { playing, rate, follow, failed } = usePlayer();
  const label = failed ? text.playAgain : playing ? text.pause : text.play;
  return (
    <section
      aria-label={text.player}
      className="sticky bottom-[calc(60px+env(safe-area-inset-bottom))] z-20 border-t border-line bg-panel px-3.5 sm:bottom-0 sm:px-10"
    >
      {playing && !follow && (
        <Button onClick={() => player.setFollow(true)} className="absolute -top-12 left-1/2 -translate-x-1/2 shadow-float">
          <Icon name="down" size={16} />
          {text.followAgain}
        </Button>
      )}
      <div className="flex h-14 items-center gap-3 sm:h-16">
        <Skip seconds={-5} label={text.back5} />
        <button
          type="button"
          title={label}
          aria-label={label}
          onClick={player.toggle}
          className="grid size-10 shrink-0 place-items-center rounded-full bg-ink text-background transition-opacity hover:opacity-85"
        >
          <Icon name={playing ? "pause" : "play"} />
        </button>
        <Skip seconds={5} label={text.forward5} />
        {failed ? <p className="grow text-danger">{text.cannotPlay}</p> : <Position />}
        <select
          aria-label={text.speed}
          value={rate}
          onChange={(event) => player.setRate(Number(event.target.value))}
          className="h-8 w-17 rounded-lg bg-panel px-1 text-muted tabular-nums hover:bg-soft max-sm:hidden"
        >
          {RATES.map((each) => (
            <option key={each} value={each}>
              {each}×
            </option>
          ))}
        </select>
        <CopyLink />
        <label className="flex min-h-6 items-center gap-1.5 whitespace-nowrap text-muted max-sm:hidden">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={follow}
            onChange={(event) => player.setFollow(event.target.checked)}
          />
          {text.follow}
        </label>
      </div>
    </section>
  );
}

function Skip({ seconds, label }: { seconds: number; label: string }) {
  const { player } = useSession();
  return (
    <IconButton
      label={label}
      onClick={() => player.skip(seconds)}
      className="font-normal text-muted tabular-nums max-sm:hidden"
    >
      {seconds < 0 ? `−${-seconds}` : `+${seconds}`}
    </IconButton>
  );
}

function CopyLink() {
  const text = useConversationText();
  const { id, player } = useSession();
  return (
    <IconButton label={text.copyLink} onClick={() => void copyLink(id, player.time)} className="text-muted max-sm:hidden">
      <Icon name="link" size={18} />
    </IconButton>
  );
}

const ARROWS: Record<string, number> = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5 };

/** The time and a slider, which are written at every frame without React. */
function Position() {
  const text = useConversationText();
  const { player } = useSession();
  const slider = useRef<HTMLInputElement>(null);
  const time = useRef<HTMLSpanElement>(null);
  const total = clock(player.duration);
  useEffect(
    () =>
      player.onTime((seconds) => {
        const shown = clock(seconds);
        if (time.current && time.current.textContent !== shown) {
          time.current.textContent = shown;
          slider.current?.setAttribute("aria-valuetext", text.timeOf(shown, total));
        }
        if (!slider.current) return;
        slider.current.value = String(seconds);
        slider.current.style.setProperty("--played", `${(100 * seconds) / Math.max(player.duration, 0.001)}%`);
      }),
    [player, text, total],
  );
  return (
    <>
      <span className="whitespace-nowrap tabular-nums">
        <span ref={time}>0:00</span> <span className="text-muted">/ {total}</span>
      </span>
      <input
        ref={slider}
        type="range"
        aria-label={text.position}
        min={0}
        max={player.duration}
        step="any"
        defaultValue={0}
        onChange={(event) => player.seek(Number(event.target.value))}
        onKeyDown={(event) => {
          const seconds = ARROWS[event.key];
          if (seconds === undefined) return;
          event.preventDefault();
          player.skip(seconds);
        }}
        className="position h-6 min-w-0 grow cursor-pointer"
      />
    </>
  );
}
