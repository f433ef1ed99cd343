import { useSpeakers } from "@/api/speakers";
import { useTags } from "@/api/tags";
import { useArchiveText } from "@/i18n/archive";
import { useCommonText } from "@/i18n/common";
import { EMOTIONS } from "@/lib/emotion";
import { shownName } from "@/lib/voice";

import { type Filters, firstDay, LENGTHS, PERIODS, STATUSES } from "./filters";
import { useLabels } from "./labels";

export interface Choice {
  key: string;
  group: string;
  label: string;
  /** What choosing it changes. */
  change: Partial<Filters>;
  speakerId?: number;
}

/** Everything that the list can be filtered by and is not yet. */
export function useChoices(filters: Filters): Choice[] {
  const text = useArchiveText();
  const common = useCommonText();
  const labels = useLabels();
  const tags = useTags().data ?? [];
  const speakers = useSpeakers().data ?? [];
  return [
    ...speakers
      .filter(({ id }) => !filters.speakers.includes(String(id)))
      .map(({ id, name }) => ({
        key: `speaker ${id}`,
        group: text.groupSpeaker,
        label: shownName(name, common.unknownVoice),
        change: { speakers: [...filters.speakers, String(id)] },
        speakerId: id,
      })),
    ...tags
      .filter(({ name }) => !filters.tags.includes(name))
      .map(({ name }) => ({
        key: `tag ${name}`,
        group: text.groupTag,
        label: name,
        change: { tags: [...filters.tags, name] },
      })),
    ...PERIODS.map((period) => ({
      key: period,
      group: text.groupDate,
      label: text[period],
      change: { since: firstDay(period), until: undefined },
    })),
    ...EMOTIONS.map((emotion) => ({ key: emotion, group: text.groupEmotion, label: common[emotion], change: { emotion } })),
    ...LENGTHS.map((length) => ({
      key: `length ${length.min ?? 0}`,
      group: text.groupLength,
      label: labels.length(length),
      change: length,
    })),
    ...STATUSES.map((status) => ({ key: status, group: text.groupStatus, label: labels.status(status), change: { status } })),
  ];
}
