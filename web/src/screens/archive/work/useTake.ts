import { toast } from "@/components/toast";
import { useArchiveText } from "@/i18n/archive";

import { type Chosen, MAX_FILES } from "./dropped";

/** Passes chosen files on, and tells which were left out. */
export function useTake(onFiles: (files: readonly File[]) => void): (chosen: Chosen) => void {
  const text = useArchiveText();
  return ({ files, leftOut, hasMore }) => {
    onFiles(files);
    if (leftOut) toast(text.leftOut(leftOut));
    if (hasMore) toast(text.tooMany(MAX_FILES));
  };
}
