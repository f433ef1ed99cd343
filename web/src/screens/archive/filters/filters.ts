/** What the archive is filtered by, as it is in the address: `?q=invoice&tag=planning&since=2026-11-01`. */
import type { ListFilters } from "@/api/conversations";
import { type Emotion, EMOTIONS } from "@/lib/emotion";

export const STATUSES = ["completed", "processing", "recording", "failed"] as const;
export type Status = (typeof STATUSES)[number];

export interface Filters {
  q: string;
  tags: readonly string[];
  /** Ids, or names. */
  speakers: readonly string[];
  emotion: Emotion | undefined;
  /** Days in the reader's time zone, `2026-11-01`, both included. */
  since: string | undefined;
  until: string | undefined;
  /** Minutes. */
  min: number | undefined;
  max: number | undefined;
  status: Status | undefined;
}

export const NONE: Filters = {
  q: "",
  tags: [],
  speakers: [],
  emotion: undefined,
  since: undefined,
  until: undefined,
  min: undefined,
  max: undefined,
  status: undefined,
};

/** The API takes no more of them. */
const MAX_VALUES = 10;

/** What is not understood is left out. */
export function parseFilters(params: URLSearchParams): Filters {
  const several = (name: string) => [...new Set(params.getAll(name).filter(Boolean))].slice(0, MAX_VALUES);
  const number = (name: string) => {
    const value = Number(params.get(name) ?? NaN);
    return Number.isFinite(value) && value > 0 ? value : undefined;
  };
  const date = (name: string) => {
    const value = params.get(name) ?? "";
    return /^\d{4}-\d\d-\d\d$/.test(value) && !isNaN(Date.parse(value)) ? value : undefined;
  };
  return {
    q: params.get("q") ?? "",
    tags: several("tag"),
    speakers: several("speaker"),
    emotion: EMOTIONS.find((name) => name === params.get("emotion")),
    since: date("since"),
    until: date("until"),
    min: number("min"),
    max: number("max"),
    status: STATUSES.find((name) => name === params.get("status")),
  };
}

export function toParams(filters: Filters): URLSearchParams {
  const params = new URLSearchParams();
  const { q, tags, speakers, ...single } = filters;
  if (q.trim()) params.set("q", q);
  for (const tag of tags) params.append("tag", tag);
  for (const speaker of speakers) params.append("speaker", speaker);
  for (const [name, value] of Object.entries(single)) if (value !== undefined) params.set(name, String(value));
  return params;
}

/** By more than words. */
export function isFiltered(filters: Filters): boolean {
  return toParams({ ...filters, q: "" }).size > 0;
}

/** For `GET /conversations`. */
export function toQuery(filters: Filters): ListFilters {
  const { q, tags, speakers, emotion, status, min, max } = filters;
  return {
    ...(q.trim() && { q: q.trim() }),
    ...(tags.length && { tag: [...tags] }),
    ...(speakers.length && { speaker: [...speakers] }),
    ...(emotion && { emotion }),
    ...(status && { status }),
    ...(min && { min_duration: min * 60 }),
    ...(max && { max_duration: max * 60 }),
    ...moments(filters),
  };
}

/** The beginning of the first day, and the end of the last. */
export function moments({ since, until }: Pick<Filters, "since" | "until">): { since?: string; until?: string } {
  return {
    ...(since && { since: midnight(since, 0).toISOString() }),
    ...(until && { until: midnight(until, 1).toISOString() }),
  };
}

function midnight(day: string, later: number): Date {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later);
}

/** `2026-11-01`, of a date in the reader's time zone. */
export function dayOf(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export type Period = "today" | "week" | "month" | "year";

/** The first day of a period that ends today. */
export function firstDay(period: Period, now: Date = new Date()): string {
  const [year, month, date] = [now.getFullYear(), now.getMonth(), now.getDate()];
  switch (period) {
    case "today":
      return dayOf(now);
    case "week":
      return dayOf(new Date(year, month, date - 6));
    case "month":
      return dayOf(new Date(year, month, 1));
    case "year":
      return dayOf(new Date(year, 0, 1));
  }
}

export const PERIODS: readonly Period[] = ["today", "week", "month", "year"];

/** Minutes, from and to. */
export const LENGTHS = [
  { min: undefined, max: 5 },
  { min: 5, max: 30 },
  { min: 30, max: 60 },
  { min: 60, max: undefined },
] as const;
