/** Keep the screen on until the returned function is called: a phone that sleeps stops recording. */
export function keepAwake(): () => void {
  let wanted = true;
  let lock: WakeLockSentinel | undefined;
  const isOver = () => !wanted;
  const request = async () => {
    if (!wanted || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    try {
      lock = await navigator.wakeLock.request("screen");
      if (isOver()) await lock.release();
    } catch {
      // Refused where the battery is low. The recording goes on.
    }
  };
  const visible = () => void request();
  document.addEventListener("visibilitychange", visible); // the browser releases it when the tab is hidden
  void request();
  return () => {
    wanted = false;
    document.removeEventListener("visibilitychange", visible);
    void lock?.release();
  };
}
