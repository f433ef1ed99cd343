import { useMay } from "@/api/me";
import { useVoiceSettings } from "@/api/settings";
import { Icon } from "@/components/Icon";
import { Loading } from "@/components/Loading";
import { useSettingsText } from "@/i18n/settings";

import { Part } from "../Part";
import { VoiceForm } from "./VoiceForm";

/** Thresholds and lengths of recognition. */
export function Voice() {
  const text = useSettingsText();
  const mayChange = useMay("admin");
  const voice = useVoiceSettings();
  if (voice.isPending) return <Loading />;
  return (
    <Part title={text.voice} hint={text.voiceHint} failure={voice.error}>
      {voice.data?.warning && (
        <p className="mb-5 flex gap-2.5 text-warning">
          <Icon name="warning" />
          {voice.data.warning}
        </p>
      )}
      {!mayChange && <p className="mb-5 text-muted">{text.onlyAdmins}</p>}
      {voice.data && <VoiceForm key={JSON.stringify(voice.data)} current={voice.data} mayChange={mayChange} />}
    </Part>
  );
}
