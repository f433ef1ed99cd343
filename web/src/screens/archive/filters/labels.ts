import { useArchiveText } from "@/i18n/archive";
import { useLocale } from "@/i18n/language";

import { type Filters, firstDay, PERIODS } from "./filters";

type Dates = Pick<Filters, "since" | "until">;
type Length = Pick<Filters, "min" | "max">;

/** What filters are called. */
export function useLabels() {
  const text = useArchiveText();
  const locale = useLocale();
  const day = (value: string) =>
    new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(
      new Date(value),
    );
  return {
    dates: ({ since, until }: Dates): string => {
      const period = until ? undefined : PERIODS.find((each) => firstDay(each) === since);
      if (period) return text[period];
      if (since && until) return since === until ? day(since) : `${day(since)} – ${day(until)}`;
      return since ? text.since(day(since)) : text.until(day(until ?? ""));
    },
    length: ({ min, max }: Length): string => {
      if (min && max) return text.between(min, max);
      return min ? text.longer(min) : text.shorter(max ?? 0);
    },
    status: (status: NonNullable<Filters["status"]>): string => text[`status_${status}`],
  };
}
