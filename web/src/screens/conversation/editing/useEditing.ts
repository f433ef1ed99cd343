import { useSelected } from "@/lib/store";

import { useSession } from "../context";
import type { EditorState } from "./Editor";

/** The state of the editor where this segment is edited, else null. */
export function useEditing(segmentId: number): EditorState | null {
  const { editor } = useSession();
  return useSelected(editor, (state) => (state.editing === segmentId ? state : null));
}
