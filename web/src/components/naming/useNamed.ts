import { useMerge, useNaming, useRename, useUndoSpeakerChange, type Who } from "@/api/speakers";
import { toast, toastError } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useNamingText } from "@/i18n/naming";

/** The voice that gets a name. */
export interface NamedVoice {
  conversationId: number;
  segmentId: number;
  speakerId: number | null;
  speakerName: string | null;
}

/** `everywhere`: an unknown voice in all conversations. `here`: this segment. `everyone`: all that is a known speaker's. */
export type Scope = "everywhere" | "here" | "everyone";

/** Give a voice a name, say what changed, and offer to take it back; resolves to what takes it back. */
export function useNamed() {
  const text = useNamingText();
  const common = useCommonText();
  const naming = useNaming();
  const rename = useRename();
  const merge = useMerge();
  const undo = useUndoSpeakerChange();

  const takeBack = () => undo.mutateAsync(undefined).then(() => toast(text.undone));
  const tell = (message: string) =>
    toast(message, { action: { label: common.undo, run: () => void takeBack().catch(toastError) } });

  return async (
    { conversationId, segmentId, speakerId, speakerName }: NamedVoice,
    who: Who,
    scope: Scope,
  ): Promise<() => Promise<unknown>> => {
    if (scope === "everyone" && speakerId !== null) {
      const before = speakerName ?? common.unknownVoice;
      const speaker =
        "speaker_id" in who
          ? await merge.mutateAsync({ id: speakerId, into: who.speaker_id })
          : await rename.mutateAsync({ id: speakerId, name: who.speaker_name });
      tell(text.renamed(before, speaker.name));
    } else {
      const found = await naming.mutateAsync({
        conversationId,
        segmentId,
        who,
        scope: scope === "here" ? "here" : "everywhere",
      });
      tell(text.named(found.speaker_name, found.segments_updated));
    }
    return takeBack;
  };
}
