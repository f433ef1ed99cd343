import type { Problem } from "@/lib/recording/sources";

import type { Line, Partial } from "./lines";

export interface LiveState {
  phase: "recording" | "paused" | "finishing" | "finished" | "refused";
  connection: "connecting" | "open" | "lost";
  /** The conversation that is recorded now; null before the server has begun it. */
  conversationId: number | null;
  /** Conversations that the server had finished before the recording ended. */
  earlier: readonly number[];
  /** Of the recording: pauses do not count. */
  seconds: number;
  unsentSeconds: number;
  lines: readonly Line[];
  partial: Partial | null;
  /** The last sentence of the server about what went wrong. */
  fault: string | null;
  loggedOut: boolean;
  /** Why there is no sound. */
  problem: Problem | null;
  /** Nothing but silence came for a while. */
  silent: boolean;
  /** The browser keeps unsent audio for the case that it is closed. */
  kept: boolean;
  /** Finished without any sound, so that there is no conversation. */
  empty: boolean;
}

export const INITIAL: LiveState = {
  phase: "recording",
  connection: "connecting",
  conversationId: null,
  earlier: [],
  seconds: 0,
  unsentSeconds: 0,
  lines: [],
  partial: null,
  fault: null,
  loggedOut: false,
  problem: null,
  silent: false,
  kept: true,
  empty: false,
};
