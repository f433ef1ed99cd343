/** What follows when a connection ends. */

/** Close codes of the server (docs/live.md, Limits). */
const UNSUPPORTED = 1003;
const POLICY = 1008;

export interface Ending {
  code: number;
  /** The server has sent `started` on this connection. */
  started: boolean;
  /** The connection was to go on with a conversation. */
  resuming: boolean;
  /** `stop` was sent, and the server had confirmed all audio. */
  delivered: boolean;
}

/**
 * `done`: the server finishes the conversation by itself. `afresh`: the server no longer continues the conversation; what it
 * lacks begins another one. `refused`: it will not take the recording, and says why. `retry`: connect again.
 */
export type Next = "done" | "afresh" | "refused" | "retry";

export function afterEnd({ code, started, resuming, delivered }: Ending): Next {
  if (delivered) return "done";
  if (code === POLICY && !started) return resuming ? "afresh" : "refused";
  return code === UNSUPPORTED ? "refused" : "retry";
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;

/** How long to wait before the next attempt. `random` is below 1: not all clients of a server that was away return at once. */
export function delayMs(attempt: number, random: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt) * (0.5 + random / 2);
}
