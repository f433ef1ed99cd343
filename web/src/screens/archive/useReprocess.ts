import { useMutation, useQueryClient } from "@tanstack/react-query";

import { changeMany } from "@/api/bulk";
import { conversationKeys } from "@/api/conversations";
import { jobKeys } from "@/api/jobs";
import { readAgain } from "@/api/readAgain";
import { toastError } from "@/components/toast";

/** Queue conversations to be processed again. */
export function useReprocess() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (ids: readonly number[]) => changeMany(ids, { action: "reprocess" }),
    onSuccess: ([failure]) => failure && toastError(failure.error),
    onError: toastError,
    onSettled: () => readAgain(queries, jobKeys.all, conversationKeys.lists),
  });
}
