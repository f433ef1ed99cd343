import { useUndoSpeakerChange } from "@/api/speakers";
import { type OnNamed } from "@/components/naming/useNamed";
import { WhoIsThisAt } from "@/components/naming/WhoIsThis";
import { toast } from "@/components/toast";
import { useNamingText } from "@/i18n/naming";

import { useSession } from "../context";
import type { EditorState } from "./Editor";
import { EmotionPicker } from "./EmotionPicker";
import { ReplaceDialog } from "./ReplaceDialog";
import { SegmentMenu } from "./SegmentMenu";

/** The menu or the popover of a segment, or the replacing of words. */
export function Panels({ opened, replacing }: Pick<EditorState, "opened" | "replacing">) {
  const { id, editor } = useSession();
  const { undone } = useNamingText();
  const undo = useUndoSpeakerChange();
  if (replacing) return <ReplaceDialog />;
  if (!opened) return null;
  const { what, segment, anchor } = opened;
  const close = () => {
    editor.close();
    anchor.focus({ preventScroll: true });
  };
  if (what === "menu") return <SegmentMenu segment={segment} anchor={anchor} close={close} />;
  if (what === "emotion") return <EmotionPicker segment={segment} anchor={anchor} close={close} />;
  const voice = {
    conversationId: id,
    segmentId: segment.id,
    speakerId: segment.speaker_id,
    speakerName: segment.speaker_name,
    start: segment.start_offset,
  };
  const onNamed: OnNamed = (message, change) =>
    editor.did(message, change === undefined ? null : () => undo.mutateAsync(change).then(() => toast(undone)));
  return <WhoIsThisAt voice={voice} anchor={anchor} close={close} onNamed={onNamed} />;
}
