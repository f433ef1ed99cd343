/** Uploads, outside of React: they go on while the reader looks at other screens. */
import { queryClient } from "@/app/queryClient";
import { API, ApiError, sentence } from "@/api/client";
import { conversationKeys } from "@/api/conversations";
import { jobKeys } from "@/api/jobs";
import { isOwnerLoggedIn, meKey } from "@/api/me";
import type { ProcessingOptions } from "@/lib/processingOptions";
import { Store, useStore } from "@/lib/store";
import { unsent } from "@/lib/unsent";

export interface Upload {
  id: number;
  name: string;
  /** `storing`: all bytes are sent, and the application decodes them. */
  state: "waiting" | "sending" | "storing" | "refused";
  /** Of the bytes, 0 to 1. */
  sent: number;
  secondsLeft: number | null;
  /** Why it was refused. */
  error: string | null;
}

/** At a time: browsers open six connections to a server, and the other requests of the page need some. */
const MAX_SENDING = 2;
/** After which the speed is known well enough to say how long the rest takes. */
const MIN_MEASURED_MS = 1500;
/** After which it is read again who is logged in. */
const LOGIN_MS = 5000;
const UNREACHABLE = "The connection was lost while this was sent. Check that Vivavoce is running, then try again.";

interface Work {
  file: File;
  options: ProcessingOptions;
  request?: XMLHttpRequest;
}

const uploads = new Store<readonly Upload[]>([]);
let lastId = 0;
const work = new Map<number, Work>();
/** Another person than the one who added them is logged in, or nobody: they wait. */
let waitsForLogin = false;
let release: (() => void) | undefined;

export function useUploads(): readonly Upload[] {
  return useStore(uploads);
}

/** Queue files to be sent, two at a time. */
export function addUploads(files: readonly File[], options: ProcessingOptions): void {
  const added = files.map((file): Upload => {
    const id = ++lastId;
    work.set(id, { file, options });
    return { id, name: file.name, state: "waiting", sent: 0, secondsLeft: null, error: null };
  });
  change([...uploads.snapshot(), ...added]);
}

/** Stop an upload, or take one that was refused from the list. */
export function removeUpload(id: number): void {
  const request = work.get(id)?.request;
  work.delete(id);
  change(uploads.snapshot().filter((upload) => upload.id !== id));
  request?.abort();
}

export function retryUpload(id: number): void {
  update(id, { state: "waiting", sent: 0, error: null });
}

function update(id: number, values: Partial<Upload>): void {
  change(uploads.snapshot().map((upload) => (upload.id === id ? { ...upload, ...values } : upload)));
}

function change(next: readonly Upload[]): void {
  const running = next.filter(({ state }) => state === "sending" || state === "storing").length;
  const waiting = next.filter(({ state }) => state === "waiting").map(({ id }) => id);
  const begun = new Set(waiting.slice(0, waitsForLogin ? 0 : Math.max(0, MAX_SENDING - running)));
  uploads.set(next.map((upload) => (begun.has(upload.id) ? { ...upload, state: "sending" } : upload)));
  for (const id of begun) void begin(id);
  const unfinished = next.some(({ state }) => state !== "refused");
  if (unfinished) {
    window.addEventListener("beforeunload", ask);
    release ??= unsent.hold();
  } else {
    window.removeEventListener("beforeunload", ask);
    release?.();
    release = undefined;
  }
}

/** Browsers ask before the page is left. */
function ask(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/** The conversation belongs to whoever is logged in: while that is not the person who added the file, it waits. */
async function begin(id: number): Promise<void> {
  try {
    if (await isOwnerLoggedIn()) send(id);
    else waitForLogin(id);
  } catch (error) {
    refused(id, error instanceof ApiError && error.status ? error.message : UNREACHABLE);
  }
}

function waitForLogin(id: number): void {
  if (!waitsForLogin) {
    waitsForLogin = true;
    window.setTimeout(() => {
      waitsForLogin = false;
      change(uploads.snapshot());
    }, LOGIN_MS);
    void queryClient.invalidateQueries({ queryKey: meKey }); // the page shows the login
  }
  update(id, { state: "waiting" });
}

function send(id: number): void {
  const found = work.get(id); // it may have been removed meanwhile
  if (!found) return;
  const request = new XMLHttpRequest();
  found.request = request;
  const began = performance.now();
  request.open("POST", `${API}/process?wait=false`);
  request.responseType = "json";
  request.upload.onprogress = ({ loaded, total }) => {
    const sent = total ? loaded / total : 0;
    const passed = performance.now() - began;
    const secondsLeft = sent && passed > MIN_MEASURED_MS ? ((passed / sent) * (1 - sent)) / 1000 : null;
    update(id, { sent, secondsLeft });
  };
  request.upload.onload = () => update(id, { state: "storing", sent: 1, secondsLeft: null });
  request.onload = () => {
    if (request.status === 202) void accepted(id);
    else refused(id, sentence(request.response, request));
    if (request.status === 401) void queryClient.invalidateQueries({ queryKey: meKey });
  };
  request.onerror = () => refused(id, UNREACHABLE);
  const form = new FormData();
  for (const [name, value] of Object.entries(found.options)) if (value) form.set(name, value as string);
  form.set("audio_file", found.file);
  request.send(form);
}

function refused(id: number, error: string): void {
  update(id, { state: "refused", error, secondsLeft: null });
}

/** The upload goes when the job that it has become is shown. */
async function accepted(id: number): Promise<void> {
  work.delete(id);
  await Promise.all(
    [jobKeys.all, conversationKeys.lists].map((queryKey) => queryClient.invalidateQueries({ queryKey, refetchType: "all" })),
  );
  removeUpload(id);
}
