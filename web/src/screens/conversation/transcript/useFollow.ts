import { useEffect, useEffectEvent } from "react";

import { usePlayer, useSession } from "../context";

const SCROLL_KEYS = new Set(["PageUp", "PageDown", "Home", "End"]);

/** Scroll with the voice, until the reader scrolls; the player's switch takes it up again. */
export function useFollow(): void {
  const { player, spoken, scroller } = useSession();
  const { follow, playing } = usePlayer();
  const show = useEffectEvent(() => {
    const segment = spoken.snapshot();
    if (segment) scroller.follow(segment);
  });

  useEffect(() => {
    if (!follow) return;
    if (playing) show();
    return spoken.subscribe(() => show());
  }, [follow, playing, spoken]);

  useEffect(() => {
    if (!follow || !playing) return;
    const leave = () => player.setFollow(false);
    const leaveByKey = (event: KeyboardEvent) => {
      if (SCROLL_KEYS.has(event.key) && event.target === document.body) leave();
    };
    const leaveByScrollbar = (event: PointerEvent) => {
      if (event.clientX >= document.documentElement.clientWidth) leave();
    };
    const end = new AbortController();
    const options = { passive: true, signal: end.signal };
    window.addEventListener("wheel", leave, options);
    window.addEventListener("touchmove", leave, options);
    window.addEventListener("keydown", leaveByKey, options);
    window.addEventListener("pointerdown", leaveByScrollbar, options);
    return () => end.abort();
  }, [follow, playing, player]);
}
