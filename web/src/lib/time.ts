/** Offsets in a recording are seconds; moments are RFC 3339 strings in UTC. */

/** `0:07`, `12:07` or `1:16:02`, in whole seconds. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Seconds of `12:07`, `1:16:02` or `95`; undefined for another text. */
export function parseClock(text: string): number | undefined {
  if (!/^\s*\d+(:[0-5]?\d){0,2}(\.\d+)?\s*$/.test(text)) return undefined;
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** `Today, 09:30`, `Yesterday, 16:05`, or `24 Nov 2026`, in the reader's time zone. */
export function day(moment: string, language: string, now?: Date): string {
  const words = dayInSentence(moment, language, now);
  return `${words.charAt(0).toLocaleUpperCase(language)}${words.slice(1)}`;
}

/** The same within a sentence: `today, 09:30`. */
export function dayInSentence(moment: string, language: string, now: Date = new Date()): string {
  const then = new Date(moment);
  const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" }).format(then);
  const days = Math.round((midnight(now) - midnight(then)) / 86_400_000);
  if (days === 0 || days === 1) {
    const name = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-days, "day");
    return `${name}, ${time}`;
  }
  const year = then.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year }).format(then);
}

/** `28 Nov 2026, 15:41`, in the reader's time zone. */
export function moment(at: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}

function midnight(date: Date): number {
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
}

/** `9 s`, `12 min` or `3.4 h`: how long somebody spoke, or how long work takes. The symbols are those of the SI. */
export function span(seconds: number, language: string): string {
  const unit = (value: number, symbol: string, digits: number) =>
    `${new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)}\u00a0${symbol}`;
  if (seconds < 59.5) return unit(seconds, "s", 0);
  if (seconds < 3570) return unit(seconds / 60, "min", 0);
  return unit(seconds / 3600, "h", seconds < 36_000 ? 1 : 0);
}
