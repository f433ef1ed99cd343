import type { Job } from "@/api/jobs";
import { useArchiveText } from "@/i18n/archive";
import { useLocale } from "@/i18n/language";
import { span } from "@/lib/time";

/** What a job does at the moment, how long the rest takes, and how fast it is compared with the recording. */
export function useJobText(job: Job): string {
  const text = useArchiveText();
  const locale = useLocale();
  if (job.state === "queued") return job.error ? text.queuedAgain(job.error) : text.queued;
  const stages = { transcribing: text.transcribing, diarizing: text.diarizing, "": text.preparing };
  const stage = job.stage ?? "";
  const known = stage in stages ? stages[stage as keyof typeof stages] : text.recognizing;
  const left = job.remaining_seconds ?? 0;
  if (left <= 0) return known;
  const speed = new Intl.NumberFormat(locale, { maximumSignificantDigits: 2 }).format(speedOf(job, left));
  return [known, text.left(span(Math.max(1, left), locale)), text.realTime(speed)].join(" · ");
}

/** Seconds of the recording that are processed in a second. */
export function speedOf({ duration, progress }: Pick<Job, "duration" | "progress">, secondsLeft: number): number {
  return (duration * (1 - progress)) / secondsLeft;
}
