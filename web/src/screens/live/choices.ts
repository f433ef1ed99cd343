/** What was chosen for the last recording, for the next one in this browser. */
import { type Source, SOURCES } from "@/lib/recording/sources";

export interface Choices {
  source: Source;
  deviceId: string;
  language: string;
}

const KEY = "vivavoce.live";

export function choices(): Choices {
  let stored: Partial<Record<keyof Choices, unknown>> = {};
  try {
    stored = (JSON.parse(localStorage.getItem(KEY) ?? "{}") ?? {}) as typeof stored;
  } catch {
    // Somebody else's text: choose again.
  }
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const source = SOURCES.find((name) => name === stored.source) ?? "microphone";
  return { source, deviceId: text(stored.deviceId), language: text(stored.language) };
}

export function remember(chosen: Choices): void {
  localStorage.setItem(KEY, JSON.stringify(chosen));
}
