import type { Schemas } from "@/api/client";
import { Icon } from "@/components/Icon";
import { useSettingsText } from "@/i18n/settings";

import { ROWS } from "./Part";

const PLACES: Record<string, string> = { cuda: "GPU", remote: "URL" };

/** The model of each stage, where it runs, and why it is not the configured one. */
export function StageList({ stages }: { stages: Schemas["Status"]["stages"] }) {
  const text = useSettingsText();
  const names: Record<string, string> = {
    transcriber: text.transcriber,
    diarizer: text.diarizer,
    embedder: text.embedder,
    emotion: text.emotion,
    text: text.searchByMeaning,
  };
  return (
    <ul className={ROWS}>
      {Object.entries(stages).map(([stage, { model, device, note }]) => (
        <li key={stage} className="grid gap-x-4 px-4 py-3 sm:grid-cols-[190px_minmax(0,1fr)]">
          <span className="text-muted">{names[stage] ?? stage}</span>
          <div className="min-w-0">
            <p className="break-words">
              <span className="font-medium">{model}</span>{" "}
              <span className="text-muted">{text.runsOn(PLACES[device] ?? "CPU")}</span>
            </p>
            {note && (
              <p className="mt-1 flex gap-2 text-[13px] text-muted">
                <Icon name="info" size={16} />
                <span className="min-w-0 break-words">{note}</span>
              </p>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}
