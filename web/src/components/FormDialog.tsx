import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Button } from "./Button";
import { Dialog } from "./Dialog";

interface FormDialogProps {
  title: string;
  description?: string;
  close: () => void;
  /** What happens, on the button. */
  action: string;
  /** Something that the browser does not check is missing. */
  incomplete?: boolean;
  /** A failure is shown in the dialog. */
  run: () => Promise<void>;
  children: ReactNode;
}

/** A dialog with fields and a button. It is open as long as it is rendered. */
export function FormDialog({ title, description, close, action, incomplete, run, children }: FormDialogProps) {
  const submit = useMutation({ mutationFn: run });
  return (
    <Dialog open onOpenChange={close} title={title} {...(description && { description })}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit.mutate();
        }}
        className="grid gap-4"
      >
        {children}
        {submit.error && (
          <p role="alert" className="text-danger">
            {submit.error.message}
          </p>
        )}
        <div>
          <Button type="submit" kind="primary" disabled={submit.isPending || (incomplete ?? false)}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
