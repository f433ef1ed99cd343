import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { conversationKeys, reprocessConversation } from "@/api/conversations";
import { jobKeys } from "@/api/jobs";
import { readAgain } from "@/api/readAgain";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ProcessingOptions } from "@/components/ProcessingOptions";
import { useActionsText } from "@/i18n/actions";
import { NO_OPTIONS } from "@/lib/processingOptions";

/** Process the recording again, with other options. */
export function ReprocessDialog({ id, close }: { id: number; close: () => void }) {
  const text = useActionsText();
  const queries = useQueryClient();
  const [options, setOptions] = useState(NO_OPTIONS);
  const reprocess = useMutation({
    mutationFn: () => reprocessConversation(id, options),
    onSuccess: async () => {
      close();
      await readAgain(queries, conversationKeys.one(id), conversationKeys.lists, jobKeys.all);
    },
  });
  return (
    <Dialog open onOpenChange={close} title={text.reprocessTitle} description={text.reprocessHint}>
      <ProcessingOptions options={options} change={(values) => setOptions({ ...options, ...values })} />
      {reprocess.error && (
        <p role="alert" className="mt-4 text-danger">
          {reprocess.error.message}
        </p>
      )}
      <Button kind="primary" className="mt-5" disabled={reprocess.isPending} onClick={() => reprocess.mutate()}>
        {text.reprocess}
      </Button>
    </Dialog>
  );
}
