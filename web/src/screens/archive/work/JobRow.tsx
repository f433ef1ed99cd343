import { useMutation, useQueryClient } from "@tanstack/react-query";

import { cancelJob, type Job, jobKeys } from "@/api/jobs";
import { useMay } from "@/api/me";
import { IconButton } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { toastError } from "@/components/toast";
import { useArchiveText } from "@/i18n/archive";

import { useJobText } from "./jobText";
import { WorkRow } from "./WorkRow";

export function JobRow({ job, title }: { job: Job; title: string }) {
  const text = useArchiveText();
  const queries = useQueryClient();
  const may = useMay("writer");
  const cancel = useMutation({
    mutationFn: () => cancelJob(job.id),
    onSettled: () => queries.invalidateQueries({ queryKey: jobKeys.all }),
    onError: toastError,
  });
  const about = useJobText(job);
  return (
    <WorkRow title={title} about={cancel.isSuccess ? text.cancelling : about} fraction={job.progress}>
      {may && (
        <IconButton
          label={text.cancelJob(title)}
          disabled={cancel.isPending || cancel.isSuccess}
          onClick={() => cancel.mutate()}
        >
          <Icon name="close" size={16} />
        </IconButton>
      )}
    </WorkRow>
  );
}
