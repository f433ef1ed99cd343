import { useSpeakers } from "@/api/speakers";
import { Chip } from "@/components/Chip";
import { useArchiveText } from "@/i18n/archive";
import { useCommonText } from "@/i18n/common";
import { shownName } from "@/lib/voice";

import type { Filters } from "./filters";
import { useLabels } from "./labels";

interface FilterChipsProps {
  filters: Filters;
  onChange: (change: Partial<Filters>) => void;
}

/** The filters in force; each can be removed. */
export function FilterChips({ filters, onChange }: FilterChipsProps) {
  const common = useCommonText();
  const labels = useLabels();
  const { tags, speakers, emotion, since, until, min, max, status } = filters;
  const chip = (key: string, label: string, change: Partial<Filters>) => (
    <FilterChip key={key} label={label} onRemove={() => onChange(change)} />
  );
  return (
    <>
      {speakers.map((id) => (
        <SpeakerChip key={id} id={id} onRemove={() => onChange({ speakers: speakers.filter((each) => each !== id) })} />
      ))}
      {tags.map((tag) => chip(`tag ${tag}`, tag, { tags: tags.filter((each) => each !== tag) }))}
      {(since ?? until) && chip("date", labels.dates(filters), { since: undefined, until: undefined })}
      {emotion && chip("emotion", common[emotion], { emotion: undefined })}
      {(min ?? max) && chip("length", labels.length(filters), { min: undefined, max: undefined })}
      {status && chip("status", labels.status(status), { status: undefined })}
    </>
  );
}

/** Of a speaker's id, or name. */
function SpeakerChip({ id, onRemove }: { id: string; onRemove: () => void }) {
  const common = useCommonText();
  const speaker = useSpeakers().data?.find((each) => String(each.id) === id);
  return <FilterChip label={shownName(speaker?.name ?? id, common.unknownVoice)} onRemove={onRemove} />;
}

function FilterChip({ label, onRemove }: { label: string; onRemove: () => void }) {
  const text = useArchiveText();
  return (
    <Chip removeLabel={text.removeFilter(label)} onRemove={onRemove} className="h-8!">
      {label}
    </Chip>
  );
}
