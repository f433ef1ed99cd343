import type { ListedConversation } from "@/api/conversations";
import { Avatar } from "@/components/Avatar";
import { useArchiveText } from "@/i18n/archive";
import { useCommonText } from "@/i18n/common";
import { useLocale } from "@/i18n/language";
import { shownName } from "@/lib/voice";

const MAX_SHOWN = 4;
/** With the number of the others. */
const MAX_OF_MORE = 3;

/** Who speaks in a conversation, those who speak most first. */
export function Participants({ participants }: { participants: ListedConversation["participants"] }) {
  const text = useArchiveText();
  const common = useCommonText();
  const locale = useLocale();
  if (!participants?.length) return <span className="hidden sm:block" />;
  const names = participants.map(({ speaker_name }) => shownName(speaker_name, common.unknownVoice));
  const shown = participants.length > MAX_SHOWN ? MAX_OF_MORE : MAX_SHOWN;
  const more = participants.length - shown;
  return (
    <span className="flex items-center gap-0.5 sm:justify-end" title={names.join(", ")}>
      <span className="sr-only">{text.speak(new Intl.ListFormat(locale).format(names))}</span>
      {participants.slice(0, shown).map(({ speaker_id, speaker_name }) => (
        <Avatar key={speaker_id ?? speaker_name} speakerId={speaker_id} name={speaker_name} size="small" />
      ))}
      {more > 0 && (
        <span aria-hidden="true" className="ml-1 text-[12px] text-muted">
          +{more}
        </span>
      )}
    </span>
  );
}
