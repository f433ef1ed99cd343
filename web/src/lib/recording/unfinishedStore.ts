/** Recordings that are not finished, in IndexedDB: they survive a reload and a crash of the browser. */
import type { Piece } from "./unsentAudio";

/** What it takes to go on with a recording. */
export interface Unfinished {
  id: string;
  /** Who records: nobody else who uses this browser may hear it. */
  principal: string | null;
  /** RFC 3339. */
  startedAt: string;
  /** Samples a second. */
  rate: number;
  options: RecordingOptions;
  /** The conversation on the server, and the secret to resume it; null before the server has answered. */
  conversation: { id: number; token: string } | null;
  /** Where that conversation begins in the recording, in samples. */
  base: number;
  /** Samples that the server has confirmed. */
  confirmed: number;
}

export interface RecordingOptions {
  title: string;
  language: string;
  numSpeakers: number | null;
  hotwords: string;
}

const DATABASE = "vivavoce";
const VERSION = 1;
const RECORDINGS = "recordings";
const PIECES = "pieces";

function outcome<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(RECORDINGS, { keyPath: "id" });
      request.result.createObjectStore(PIECES);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
  return opened;
}

async function change(run: (recordings: IDBObjectStore, pieces: IDBObjectStore) => void): Promise<void> {
  const transaction = (await database()).transaction([RECORDINGS, PIECES], "readwrite");
  run(transaction.objectStore(RECORDINGS), transaction.objectStore(PIECES));
  await new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB failed"));
  });
}

/** The keys of a recording's pieces before a position. */
function before(id: string, position = Infinity): IDBKeyRange {
  return IDBKeyRange.bound([id, -1], [id, position], false, true);
}

export function addPiece(id: string, { at, samples }: Piece): Promise<void> {
  return change((_, pieces) => pieces.put(samples, [id, at]));
}

/** Store what is known of a recording, and forget the pieces that end before what the server has confirmed. */
export function save(recording: Unfinished, firstKept: number): Promise<void> {
  return change((recordings, pieces) => {
    recordings.put(recording);
    pieces.delete(before(recording.id, firstKept));
  });
}

export function remove(id: string): Promise<void> {
  return change((recordings, pieces) => {
    recordings.delete(id);
    pieces.delete(before(id));
  });
}

/** All recordings, the oldest first. */
export async function all(): Promise<Unfinished[]> {
  const store = (await database()).transaction(RECORDINGS).objectStore(RECORDINGS);
  const found = (await outcome(store.getAll())) as Unfinished[];
  return found.sort((one, other) => one.startedAt.localeCompare(other.startedAt));
}

export async function piecesOf(id: string): Promise<Piece[]> {
  const store = (await database()).transaction(PIECES).objectStore(PIECES);
  const [keys, samples] = await Promise.all([outcome(store.getAllKeys(before(id))), outcome(store.getAll(before(id)))]);
  return keys.map((key, index) => ({ at: (key as [string, number])[1], samples: samples[index] as Int16Array<ArrayBuffer> }));
}

/** Hold a recording while it is worked on, so that another tab does not offer it. Returns its release; null if it is held. */
export function hold(id: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`vivavoce.recording.${id}`, { ifAvailable: true }, (lock) => {
        if (!lock) {
          resolve(null);
          return;
        }
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

/** The recordings of a person that no tab works on. */
export async function abandoned(principal: string | null): Promise<Unfinished[]> {
  const held = new Set((await navigator.locks.query()).held?.map(({ name }) => name));
  const own = (await all()).filter((recording) => recording.principal === principal);
  return own.filter(({ id }) => !held.has(`vivavoce.recording.${id}`));
}
