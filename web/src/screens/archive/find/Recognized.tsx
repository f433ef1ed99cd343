import type { Schemas } from "@/api/client";
import { Chip } from "@/components/Chip";
import { useArchiveText } from "@/i18n/archive";
import { useCommonText } from "@/i18n/common";
import { shownName } from "@/lib/voice";

import type { Filters } from "../filters/filters";
import { withoutPart } from "./withoutPart";

interface RecognizedProps {
  found: Schemas["Hits"];
  onChange: (change: Partial<Filters>) => void;
}

/** The filters that the search has read from the query; each can be removed. */
export function Recognized({ found, onChange }: RecognizedProps) {
  const text = useArchiveText();
  const common = useCommonText();
  if (found.recognized.length === 0) return null;
  return (
    <div role="group" aria-label={text.recognized} className="mt-3 flex flex-wrap items-center gap-2">
      {found.recognized.map((part) => {
        const label = part.speaker_name ? shownName(part.speaker_name, common.unknownVoice) : part.text;
        return (
          <Chip key={part.text} removeLabel={text.removeFilter(label)} onRemove={() => onChange(withoutPart(found, part))}>
            {label}
          </Chip>
        );
      })}
    </div>
  );
}
