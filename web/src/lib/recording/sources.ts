/** Where sound comes from: a microphone, a tab or the system, or both. */

export const SOURCES = ["microphone", "system", "both"] as const;
export type Source = (typeof SOURCES)[number];

/** Why there is no sound. Each has a sentence in the table of texts that says what to do. */
export const PROBLEMS = [
  "insecure",
  "refused",
  "missing",
  "busy",
  "noSystemSound",
  "unplugged",
  "otherRate",
  "failed",
] as const;
export type Problem = (typeof PROBLEMS)[number];

export class SourceError extends Error {
  override name = "SourceError";
  constructor(readonly problem: Problem) {
    super(problem);
  }
}

export function end(streams: readonly MediaStream[]): void {
  for (const track of streams.flatMap((stream) => stream.getTracks())) track.stop();
}

/** Whether the browser can record the sound of tabs at all; phones cannot. */
export function canShare(): boolean {
  return devices() !== undefined && "getDisplayMedia" in navigator.mediaDevices;
}

/** Pages that did not come over HTTPS or from this machine have no microphone. */
function devices(): MediaDevices | undefined {
  return (navigator as Partial<Navigator>).mediaDevices;
}

/** Open the streams of a source. Raises SourceError. `deviceId` is empty for the browser's own choice. */
export async function open(source: Source, deviceId: string): Promise<MediaStream[]> {
  if (!devices()) throw new SourceError("insecure");
  // The browser asks for the tab first: that needs the click, which ends while the microphone is opened.
  const shared = source === "microphone" ? [] : [await system()];
  if (source === "system") return shared;
  try {
    return [...shared, await microphone(deviceId, source === "both")];
  } catch (error) {
    end(shared);
    throw error;
  }
}

async function microphone(deviceId: string, hearsItself: boolean): Promise<MediaStream> {
  // Noise suppression takes away quiet voices; the echo is only that of a recorded tab.
  const wanted = { echoCancellation: hearsItself, noiseSuppression: false, autoGainControl: true, channelCount: 1 };
  try {
    const audio = deviceId ? { ...wanted, deviceId: { exact: deviceId } } : wanted;
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    if (deviceId && nameOf(error) === "OverconstrainedError") return microphone("", hearsItself);
    throw new SourceError(problemOf(error));
  }
}

async function system(): Promise<MediaStream> {
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({ audio: true, video: true });
  } catch (error) {
    throw new SourceError(problemOf(error));
  }
  if (!stream.getAudioTracks().length) {
    end([stream]);
    throw new SourceError("noSystemSound");
  }
  return stream;
}

export function problemOf(error: unknown): Problem {
  if (error instanceof SourceError) return error.problem;
  switch (nameOf(error)) {
    case "NotAllowedError":
    case "SecurityError":
      return "refused";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : "";
}

/** The microphones, by id and label. Labels are empty until the page may use one. */
export async function microphones(): Promise<MediaDeviceInfo[]> {
  const found = (await devices()?.enumerateDevices()) ?? [];
  return found.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId && deviceId !== "default");
}

/** Whether the page may use a microphone without asking. */
export async function permitted(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: "microphone" })).state === "granted";
  } catch {
    return false; // Firefox does not know this permission before version 131
  }
}
