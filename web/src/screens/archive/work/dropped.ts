/** Files that were dropped on the page, or chosen with a folder. */

/** A folder of a phone's memory card may hold anything. */
export const MAX_FILES = 1000;
const MEDIA =
  /\.(aac|aif|aiff|amr|avi|caf|flac|m4a|m4b|m4v|mka|mkv|mov|mp3|mp4|mpeg|mpg|oga|ogg|ogv|opus|ts|wav|weba|webm|wma|wmv|3gp)$/i;

export interface Chosen {
  files: File[];
  /** Files of folders that are neither sound nor video. */
  leftOut: number;
  /** There are more than `MAX_FILES`. */
  hasMore: boolean;
}

/** The recordings of a folder. */
export function recordingsOf(files: Iterable<File>): Chosen {
  const chosen: Chosen = { files: [], leftOut: 0, hasMore: false };
  for (const file of files) add(file, chosen);
  return chosen;
}

/** The files, of folders only sound and video. Call it while the event is handled: what was dropped is gone afterwards. */
export async function droppedFiles(transfer: DataTransfer): Promise<Chosen> {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const found = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const chosen: Chosen = { files: [], leftOut: 0, hasMore: false };
  for (const { entry, file } of found) {
    if (entry?.isDirectory) await collect(entry as FileSystemDirectoryEntry, chosen);
    else if (file) take(file, chosen);
  }
  return chosen;
}

function add(file: File, chosen: Chosen): void {
  if (file.name.startsWith(".")) return;
  if (/^(audio|video)\//.test(file.type) || MEDIA.test(file.name)) take(file, chosen);
  else chosen.leftOut += 1;
}

function take(file: File, chosen: Chosen): void {
  if (chosen.files.length < MAX_FILES) chosen.files.push(file);
  else chosen.hasMore = true;
}

async function collect(folder: FileSystemDirectoryEntry, chosen: Chosen): Promise<void> {
  const reader = folder.createReader();
  while (!chosen.hasMore) {
    // It answers in portions, the last of them empty.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const entry of entries.toSorted((a, b) => a.name.localeCompare(b.name))) {
      if (entry.isDirectory) await collect(entry as FileSystemDirectoryEntry, chosen);
      else {
        const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
        add(file, chosen);
      }
    }
  }
}
