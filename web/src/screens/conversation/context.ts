import { createContext, useContext } from "react";

import { useStore } from "@/lib/store";

import type { Doubts } from "./doubt/Doubts";
import type { Editor } from "./editing/Editor";
import type { Found } from "./find/Found";
import type { Player, PlayerState } from "./player/Player";
import type { SegmentStore, Transcript } from "./segments";
import type { Scroller } from "./transcript/Scroller";
import type { Spoken } from "./transcript/Spoken";

/** What the parts of the screen share. */
export interface Session {
  id: number;
  segments: SegmentStore;
  player: Player;
  /** Where in the transcript the player is. */
  spoken: Spoken;
  /** What the reader searched for. */
  found: Found;
  scroller: Scroller;
  editor: Editor;
  doubts: Doubts;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession is for parts of the conversation screen");
  return session;
}

export function useTranscript(): Transcript {
  return useStore(useSession().segments);
}

export function usePlayer(): PlayerState {
  return useStore(useSession().player);
}
