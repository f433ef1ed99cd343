import { useCallback, useEffect, useLayoutEffect, useState } from "react";

/** Nearer to the end than this the reader follows. */
const NEAR_PX = 160;

function distance(): number {
  const { scrollHeight } = document.documentElement;
  return scrollHeight - window.scrollY - window.innerHeight;
}

/** Keep the end of the page in view when `content` changes, until the reader scrolls away from it. */
export function useFollow(content: unknown): { following: boolean; follow: () => void } {
  const [following, setFollowing] = useState(true);
  useEffect(() => {
    const scrolled = () => setFollowing(distance() < NEAR_PX);
    window.addEventListener("scroll", scrolled, { passive: true });
    return () => window.removeEventListener("scroll", scrolled);
  }, []);
  const follow = useCallback(() => {
    setFollowing(true);
    window.scrollTo({ top: document.documentElement.scrollHeight });
  }, []);
  useLayoutEffect(() => {
    if (following) window.scrollTo({ top: document.documentElement.scrollHeight });
  }, [content, following]);
  return { following, follow };
}
