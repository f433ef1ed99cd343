/** What the application writes before the name of an uploaded file. */
const UPLOADED = "Uploaded: ";

/** The title as it is shown; undefined where there is none. */
export function titleOf(title: string | null | undefined): string | undefined {
  const shown = title?.startsWith(UPLOADED) ? title.slice(UPLOADED.length) : title;
  return shown?.trim() ? shown : undefined;
}
