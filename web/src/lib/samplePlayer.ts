/** One player for short samples of voices, so that two are never heard at once. */
import { API } from "@/api/client";

import { Store, useStore } from "./store";

let audio: HTMLAudioElement | undefined;
const playing = new Store<string | undefined>(undefined);

/** Play a sample, or stop the one that plays. Rejects where the sample cannot be played. */
export async function toggleSample(url: string): Promise<void> {
  const stopped = playing.snapshot() === url;
  audio?.pause();
  playing.set(undefined);
  if (stopped) return;
  audio = new Audio(url);
  audio.onended = () => playing.set(undefined);
  playing.set(url);
  try {
    await audio.play();
  } catch (error) {
    playing.set(undefined);
    throw error;
  }
}

export function stopSample(): void {
  audio?.pause();
  playing.set(undefined);
}

export function usePlayingSample(): string | undefined {
  return useStore(playing);
}

export const segmentAudio = (segmentId: number) => `${API}/conversations/segments/${segmentId}/audio`;
