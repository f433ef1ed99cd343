import { API } from "@/api/client";
import { IconButton } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { toastError } from "@/components/toast";
import { useNamingText } from "@/i18n/naming";
import { usePeopleText } from "@/i18n/people";
import { toggleSample, usePlayingSample } from "@/lib/samplePlayer";

/** Plays some seconds of a speaker. */
export function HearButton({ id, name }: { id: number; name: string }) {
  const text = usePeopleText();
  const naming = useNamingText();
  const url = `${API}/speakers/${id}/audio`;
  const playing = usePlayingSample() === url;
  return (
    <IconButton
      label={text.hear(name)}
      aria-pressed={playing}
      onClick={() => void toggleSample(url).catch(() => toastError(naming.noSound))}
    >
      <Icon name={playing ? "stop" : "play"} size={18} />
    </IconButton>
  );
}
