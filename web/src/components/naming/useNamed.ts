import { useMerge, useNaming, useRename, type Who } from "@/api/speakers";
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

/** Called with what changed, in words, and with the id of the change, where that could be read. */
export type OnNamed = (message: string, change: number | undefined) => void;

/** Give a voice a name. */
export function useNamed(onNamed: OnNamed) {
  const text = useNamingText();
  const common = useCommonText();
  const naming = useNaming();
  const rename = useRename();
  const merge = useMerge();

  return async ({ conversationId, segmentId, speakerId, speakerName }: NamedVoice, who: Who, scope: Scope): Promise<void> => {
    if (scope === "everyone" && speakerId !== null) {
      const before = speakerName ?? common.unknownVoice;
      const { answer: speaker, change } =
        "speaker_id" in who
          ? await merge.mutateAsync({ id: speakerId, into: who.speaker_id })
          : await rename.mutateAsync({ id: speakerId, name: who.speaker_name });
      onNamed(text.renamed(before, speaker.name), change);
    } else {
      const { answer: found, change } = await naming.mutateAsync({
        conversationId,
        segmentId,
        who,
        scope: scope === "here" ? "here" : "everywhere",
      });
      onNamed(text.named(found.speaker_name, found.segments_updated), change);
    }
  };
}
