import { useState } from "react";

import { Choice } from "@/components/Choice";
import { LANGUAGES, setLanguage, useLanguage } from "@/i18n/language";
import { useSettingsText } from "@/i18n/settings";
import { setTheme, theme } from "@/lib/theme";

import { Part } from "./Part";

/** What applies to this browser only. */
export function Browser() {
  const text = useSettingsText();
  const language = useLanguage();
  const [chosen, setChosen] = useState(theme);
  return (
    <Part title={text.browser} hint={text.browserHint}>
      <div className="grid gap-6">
        <Choice label={text.language} values={LANGUAGES} chosen={language} onChoose={setLanguage} />
        <Choice
          label={text.theme}
          values={{ system: text.system, light: text.light, dark: text.dark }}
          chosen={chosen}
          onChoose={(name) => {
            setTheme(name);
            setChosen(name);
          }}
        />
      </div>
    </Part>
  );
}
