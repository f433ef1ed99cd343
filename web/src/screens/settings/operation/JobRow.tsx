import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";

import { cancelJob, type Job, jobKeys, retryJob } from "@/api/jobs";
import { useMay } from "@/api/me";
import { Button } from "@/components/Button";
import { toast, toastError } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useLocale } from "@/i18n/language";
import { useSettingsText } from "@/i18n/settings";
import { clock, day } from "@/lib/time";

import { ROW } from "../Part";

export function JobRow({ job }: { job: Job }) {
  const text = useSettingsText();
  const locale = useLocale();
  const { id, conversation_id, created_at, duration, attempts, error, state, progress } = job;
  const percent = new Intl.NumberFormat(locale, { style: "percent" });
  const about = [
    day(created_at, locale),
    text.length(clock(duration)),
    text.attempts(attempts),
    ...(state === "running" ? [percent.format(progress)] : []),
  ];
  return (
    <li className={ROW}>
      <div className="min-w-40 flex-1">
        <p>
          <span className="font-medium">{text.job(id)}</span>{" "}
          <Link to={`/c/${conversation_id}`} className="text-accent underline">
            {text.conversation(conversation_id)}
          </Link>
        </p>
        <p className="text-[13px] text-muted">{about.join(" · ")}</p>
        {error && <p className="text-[13px] break-words text-danger">{error}</p>}
      </div>
      <JobButton job={job} />
    </li>
  );
}

/** Cancels a job that is not finished; tries one again that did not succeed. */
function JobButton({ job }: { job: Job }) {
  const text = useSettingsText();
  const common = useCommonText();
  const queries = useQueryClient();
  const may = useMay("writer");
  const ends = job.finished_at === null;
  const change = useMutation({
    mutationFn: () => (ends ? cancelJob(job.id) : retryJob(job.id)),
    onSuccess: () => toast(ends ? text.cancelling : text.retrying),
    onError: toastError,
    onSettled: () => queries.invalidateQueries({ queryKey: jobKeys.all }),
  });
  if (!may || job.state === "completed") return null;
  return (
    <Button
      size="small"
      aria-label={ends ? text.cancelJob(job.id) : text.retryJob(job.id)}
      disabled={change.isPending}
      onClick={() => change.mutate()}
    >
      {ends ? common.cancel : common.retry}
    </Button>
  );
}
