import { useState } from "react";

import { type Job, useJobs } from "@/api/jobs";
import { Choice } from "@/components/Choice";
import { useSettingsText } from "@/i18n/settings";

import { Pages } from "../Pages";
import { ROWS } from "../Part";
import { JobRow } from "./JobRow";

const PAGE = 20;

/** The jobs in one state. */
export function JobList() {
  const text = useSettingsText();
  const [state, setState] = useState<Job["state"]>("running");
  const [page, setPage] = useState(0);
  const { data, error } = useJobs(state, page, PAGE);
  const states = {
    running: text.running,
    queued: text.queued,
    failed: text.failed,
    cancelled: text.cancelled,
    completed: text.completed,
  };
  return (
    <div className="grid gap-3">
      <Choice
        label={text.jobs}
        values={states}
        chosen={state}
        onChoose={(chosen) => {
          setState(chosen);
          setPage(0);
        }}
      />
      {error && (
        <p role="alert" className="text-danger">
          {error.message}
        </p>
      )}
      {data?.jobs.length === 0 && <p className="py-4 text-muted">{text.noJobs}</p>}
      {data && data.jobs.length > 0 && (
        <ul className={ROWS}>
          {data.jobs.map((job) => (
            <JobRow key={job.id} job={job} />
          ))}
        </ul>
      )}
      {data && <Pages page={page} pageSize={PAGE} total={data.total} onPage={setPage} />}
    </div>
  );
}
