import { useSummarySettings } from "@/api/summaries";
import { Loading } from "@/components/Loading";
import { useSettingsText } from "@/i18n/settings";

import { Part } from "../Part";
import { LanguageModel } from "./LanguageModel";
import { Templates } from "./Templates";

/** The language model that writes summaries, and their templates. */
export function Summaries() {
  const text = useSettingsText();
  const settings = useSummarySettings();
  if (settings.isPending) return <Loading />;
  return (
    <Part title={text.summaries} failure={settings.error}>
      {settings.data && (
        <div className="grid gap-10">
          <LanguageModel model={settings.data.model} server={settings.data.server} />
          <Templates templates={settings.data.templates} />
        </div>
      )}
    </Part>
  );
}
