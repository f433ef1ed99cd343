import { useStatus } from "@/api/status";
import { useArchiveText } from "@/i18n/archive";
import { useLocale } from "@/i18n/language";
import { languageNames } from "@/lib/languages";
import type { ProcessingOptions as Options } from "@/lib/processingOptions";

import { Field, INPUT, TextField } from "./Field";

const MAX_SPEAKERS = 100;

interface ProcessingOptionsProps {
  options: Options;
  change: (values: Partial<Options>) => void;
}

/** Fields for language, number of speakers, hot words and model. */
export function ProcessingOptions({ options, change }: ProcessingOptionsProps) {
  const text = useArchiveText();
  const locale = useLocale();
  const models = useStatus().data?.models ?? [];
  return (
    <div className="grid gap-4">
      <Field label={text.language}>
        {(control) => (
          <select
            {...control}
            className={INPUT}
            value={options.language}
            onChange={({ target }) => change({ language: target.value })}
          >
            <option value="">{text.detected}</option>
            {languageNames(locale).map(({ code, name }) => (
              <option key={code} value={code}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <TextField
        label={text.speakers}
        type="number"
        min={1}
        max={MAX_SPEAKERS}
        placeholder={text.found}
        value={options.num_speakers}
        onChange={(num_speakers) => change({ num_speakers })}
      />
      <TextField
        label={text.hotwords}
        hint={text.hotwordsHint}
        maxLength={1000}
        value={options.hotwords}
        onChange={(hotwords) => change({ hotwords })}
      />
      {models.length > 1 && (
        <Field label={text.model}>
          {(control) => (
            <select
              {...control}
              className={INPUT}
              value={options.model}
              onChange={({ target }) => change({ model: target.value })}
            >
              {models.map((name, index) => (
                <option key={name} value={index ? name : ""}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
    </div>
  );
}
