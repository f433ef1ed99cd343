import { useMutation, useQueryClient } from "@tanstack/react-query";

import { conversationKeys, type ListedConversation } from "@/api/conversations";
import { type Job, jobKeys, retryJob } from "@/api/jobs";
import { useMay } from "@/api/me";
import { readAgain } from "@/api/readAgain";
import { Button } from "@/components/Button";
import { toastError } from "@/components/toast";
import { useArchiveText } from "@/i18n/archive";
import { useCommonText } from "@/i18n/common";

/** What becomes of a conversation that is not complete. `job`: its last one, if it has ended. */
export function Status({ conversation, job }: { conversation: ListedConversation; job: Job | undefined }) {
  const text = useArchiveText();
  const common = useCommonText();
  const may = useMay("writer");
  const queries = useQueryClient();
  const retry = useMutation({
    mutationFn: retryJob,
    onError: toastError,
    onSettled: () => readAgain(queries, jobKeys.all, conversationKeys.lists),
  });
  if (conversation.status === "recording") return <span className="text-[13px] text-muted">{text.isRecording}</span>;
  if (conversation.status === "processing") return <span className="text-[13px] text-muted">{text.isProcessing}</span>;
  if (conversation.status !== "failed") return null;
  return (
    <span className="flex min-w-0 items-center gap-2 text-[13px]">
      <span className={job?.state === "cancelled" ? "text-muted" : "line-clamp-2 text-danger"}>
        {job?.state === "cancelled" ? text.cancelled : (job?.error ?? text.failed)}
      </span>
      {may && job && (
        <Button size="small" className="relative z-1" disabled={retry.isPending} onClick={() => retry.mutate(job.id)}>
          {common.retry}
        </Button>
      )}
    </span>
  );
}
