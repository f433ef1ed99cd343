import { useMemo } from "react";
import { Link } from "react-router";

import { useMatching } from "@/api/conversations";
import { type Hit, useSearch } from "@/api/search";
import { useCoverage } from "@/api/status";
import { Button } from "@/components/Button";
import { Loading } from "@/components/Loading";
import { useArchiveText } from "@/i18n/archive";
import { useCommonText } from "@/i18n/common";
import { useLocale } from "@/i18n/language";
import { clock, day } from "@/lib/time";
import { titleOf } from "@/lib/titles";
import { shownName, voiceOf } from "@/lib/voice";

import { type Filters, moments, toQuery } from "../filters/filters";
import { Recognized } from "./Recognized";
import { pieces } from "./snippet";

const ZONE = { timezone: Intl.DateTimeFormat().resolvedOptions().timeZone };

interface SearchResultsProps {
  filters: Filters;
  onChange: (change: Partial<Filters>) => void;
}

/** What was said, grouped by conversation, the best first. */
export function SearchResults({ filters, onChange }: SearchResultsProps) {
  const text = useArchiveText();
  const locale = useLocale();
  const { q, emotion, speakers, tags } = filters;
  const speaker = speakers.length === 1 ? speakers[0] : undefined;
  const by = speaker === undefined ? {} : /^\d+$/.test(speaker) ? { speaker_id: Number(speaker) } : { speaker };
  const search = useSearch(
    { q, ...ZONE, ...by, ...(emotion && { emotion }), ...(tags.length && { tag: [...tags] }), ...moments(filters) },
    q.trim() !== "",
  );
  const { within, error, isReading } = useWithin(filters);
  const hits = useMemo(() => search.data?.pages.flatMap(({ results }) => results) ?? [], [search.data]);
  const groups = useMemo(() => grouped(hits.filter((hit) => within?.has(hit.conversation_id) ?? true)), [hits, within]);
  const counted = search.data?.pages[0];
  const coverage = useCoverage(counted?.coverage);
  const failure = (search.data ? null : search.error) ?? error;
  if (failure) return <p className="py-6 text-danger">{failure.message}</p>;
  if (search.isPending || isReading) return <Loading />;
  const total = counted?.total ?? 0;
  const counts = hits.some(({ matched }) => matched === "meaning")
    ? text.passages(total)
    : text.saidTimes(total, counted?.total_is_exact ?? true);
  return (
    <section aria-label={text.said}>
      {counted && <Recognized found={counted} onChange={onChange} />}
      <h2 className="mt-6 mb-2 px-1 text-[13px] text-muted">
        <span role="status">{within ? text.saidIn(groups.length) : counts}</span>
        {counted?.note && <span className="block">{counted.note}</span>}
        {coverage && <span className="block">{text.coverage(coverage.covered, coverage.segments)}</span>}
      </h2>
      {groups.map((group) => (
        <article key={group[0].conversation_id} className="mb-3 rounded-panel border border-line bg-panel py-2">
          <h3 className="flex flex-wrap items-baseline gap-x-2 px-4.5 py-1.5">
            <Link
              to={`/c/${group[0].conversation_id}`}
              data-row={group[0].conversation_id}
              className="leading-6 font-semibold"
              dir="auto"
            >
              {titleOf(group[0].title) ?? text.untitled(group[0].conversation_id)}
            </Link>
            <span className="text-[13px] text-muted">{day(group[0].time, locale)}</span>
          </h3>
          <ul>
            {group.map((hit) => (
              <HitRow key={hit.id} hit={hit} />
            ))}
          </ul>
        </article>
      ))}
      {search.hasNextPage && (
        <p className="py-3 text-center">
          <Button disabled={search.isFetchingNextPage} onClick={() => void search.fetchNextPage()}>
            {text.moreHits}
          </Button>
        </p>
      )}
    </section>
  );
}

/**
 * The conversations that fulfil the filters that the search does not have; undefined where none of these is set.
 *
 * Without the words: the search has them, finds by meaning, too, and takes some of them for a time or a person.
 */
function useWithin(filters: Filters) {
  const query = useMemo(() => toQuery({ ...filters, q: "" }), [filters]);
  const { status, min_duration, max_duration } = query;
  const isSet = (status ?? min_duration ?? max_duration ?? filters.speakers[1]) !== undefined;
  const { data: found, error } = useMatching(query, isSet);
  const within = useMemo(() => found && new Set(found.conversations.map(({ id }) => id)), [found]);
  return { within, error: found ? null : error, isReading: isSet && found === undefined };
}

function HitRow({ hit }: { hit: Hit }) {
  const common = useCommonText();
  const archive = useArchiveText();
  return (
    <li>
      <Link
        to={`/c/${hit.conversation_id}?t=${hit.start_offset}`}
        className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 px-4.5 py-1.5 hover:bg-soft/60 sm:grid-cols-[4.5rem_8rem_minmax(0,1fr)]"
      >
        <span className="text-[13px] text-muted tabular-nums">{clock(hit.start_offset)}</span>
        <span className="truncate text-[13px] font-medium" style={{ color: voiceOf(hit).colour.text }}>
          {shownName(hit.speaker_name, common.unknownVoice)}
        </span>
        <span dir="auto" className="max-sm:col-span-2">
          {pieces(hit.snippet).map(({ text, found }, index) =>
            found ? (
              <mark key={index} className="rounded-sm bg-mark text-ink">
                {text}
              </mark>
            ) : (
              text
            ),
          )}
          {hit.matched === "meaning" && (
            <span className="ml-2 text-[13px] whitespace-nowrap text-muted">{archive.similar}</span>
          )}
        </span>
      </Link>
    </li>
  );
}

/** By conversation, in the order of their best hits. Those of one: first with the words, then similar, each in order of time. */
function grouped(hits: readonly Hit[]): [Hit, ...Hit[]][] {
  const groups = new Map<number, [Hit, ...Hit[]]>();
  for (const hit of hits) {
    const group = groups.get(hit.conversation_id);
    if (group) group.push(hit);
    else groups.set(hit.conversation_id, [hit]);
  }
  const isSimilar = ({ matched }: Hit) => Number(matched === "meaning");
  for (const group of groups.values()) {
    group.sort((a, b) => isSimilar(a) - isSimilar(b) || a.start_offset - b.start_offset);
  }
  return [...groups.values()];
}
