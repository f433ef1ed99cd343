import { useUndoSpeakerChange } from "@/api/speakers";
import { toast, toastError } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useNamingText } from "@/i18n/naming";

/** Say what was changed of speakers, and offer to undo that change, by its id; undefined where the id could not be read. */
export function useSayUndoable(): (message: string, change: number | undefined) => void {
  const { undone } = useNamingText();
  const { undo: label } = useCommonText();
  const undo = useUndoSpeakerChange();
  return (message, change) => {
    if (change === undefined) {
      toast(message);
      return;
    }
    const run = () => void undo.mutateAsync(change).then(() => toast(undone), toastError);
    toast(message, { action: { label, run } });
  };
}
