import { type Suggestion, useDistinct, useMerge } from "@/api/speakers";
import { toast, toastError } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useNamingText } from "@/i18n/naming";
import { shownName } from "@/lib/voice";

import { useSayUndoable } from "./useSayUndoable";

/** Say whether two speakers are one person; either can be taken back. */
export function useSuggestion({ speaker_id: id, speaker_name, other_id: other, other_name }: Suggestion) {
  const text = useNamingText();
  const common = useCommonText();
  const merge = useMerge();
  const distinct = useDistinct();
  const say = useSayUndoable();
  const one = shownName(speaker_name, common.unknownVoice);
  const two = shownName(other_name, common.unknownVoice);

  const same = async () => {
    const { change } = await merge.mutateAsync({ id, into: other });
    say(text.merged(two), change);
  };
  const different = async () => {
    await distinct.mutateAsync({ id, other, distinct: true });
    const run = () => void distinct.mutateAsync({ id, other, distinct: false }).catch(toastError);
    toast(text.kept(one, two), { action: { label: common.undo, run } });
  };
  return {
    one,
    two,
    same: () => void same().catch(toastError),
    different: () => void different().catch(toastError),
  };
}
