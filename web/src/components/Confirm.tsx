import { useMutation } from "@tanstack/react-query";

import { useCommonText } from "@/i18n/common";

import { Button } from "./Button";
import { Dialog } from "./Dialog";

interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description: string;
  /** What happens, on the button. */
  action: string;
  /** The dialog closes when it is done; a failure is shown in it. */
  run: () => Promise<void>;
}

/** Asks before something that is hard to take back. */
export function Confirm({ open, onOpenChange, title, description, action, run }: ConfirmProps) {
  const text = useCommonText();
  const confirm = useMutation({ mutationFn: run, onSuccess: () => onOpenChange(false) });
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={title} description={description}>
      {confirm.error && (
        <p role="alert" className="mb-4 text-danger">
          {confirm.error.message}
        </p>
      )}
      <div className="flex gap-2">
        <Button kind="danger" disabled={confirm.isPending} onClick={() => confirm.mutate()}>
          {action}
        </Button>
        <Button onClick={() => onOpenChange(false)}>{text.cancel}</Button>
      </div>
    </Dialog>
  );
}
