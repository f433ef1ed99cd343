import { useState } from "react";

import { useProcessing } from "@/api/conversations";
import { useActiveJobs } from "@/api/jobs";
import { Button } from "@/components/Button";
import { useArchiveText } from "@/i18n/archive";
import { titleOf } from "@/lib/titles";

import { JobRow } from "./JobRow";
import { UploadRow } from "./UploadRow";
import { useUploads } from "./uploads";

/** More are hidden, so that the list stays on the screen. */
const MAX_SHOWN = 5;

/** Uploads and running jobs, above the list. What was refused comes first. */
export function Work() {
  const text = useArchiveText();
  const uploads = useUploads();
  const jobs = useActiveJobs().data ?? [];
  const titles = new Map(useProcessing().data?.conversations.map(({ id, title }) => [id, titleOf(title)]));
  const [all, setAll] = useState(false);
  const rows = [
    ...uploads.filter(({ state }) => state === "refused").map((upload) => <UploadRow key={`u${upload.id}`} upload={upload} />),
    ...jobs.map((job) => {
      const id = job.conversation_id;
      return <JobRow key={`j${job.id}`} job={job} title={titles.get(id) ?? text.untitled(id)} />;
    }),
    ...uploads.filter(({ state }) => state !== "refused").map((upload) => <UploadRow key={`u${upload.id}`} upload={upload} />),
  ];
  if (!rows.length) return null;
  return (
    <section aria-label={text.work} className="mb-4">
      <ul className="divide-y divide-line rounded-panel border border-line bg-panel">
        {all ? rows : rows.slice(0, MAX_SHOWN)}
      </ul>
      {rows.length > MAX_SHOWN && (
        <p className="pt-2 text-center">
          <Button kind="quiet" size="small" aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? text.showFewer : text.showAll(rows.length)}
          </Button>
        </p>
      )}
    </section>
  );
}
