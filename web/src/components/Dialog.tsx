import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";

import { useCommonText } from "@/i18n/common";

import { IconButton } from "./Button";
import { cx } from "./cx";
import { Icon } from "./Icon";

interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: string;
  children: ReactNode;
  className?: string;
}

/** A modal dialog. The focus returns to where it was when the dialog closes. */
export function Dialog({ open, onOpenChange, title, description, children, className }: DialogProps) {
  const text = useCommonText();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-30 bg-[oklch(0%_0_0/0.4)]" />
        <Radix.Content
          {...(description ? {} : { "aria-describedby": undefined })}
          className={cx(
            "fixed top-1/2 left-1/2 z-30 max-h-[calc(100dvh-32px)] w-120 max-w-[calc(100vw-24px)] -translate-1/2 overflow-auto",
            "rounded-panel border border-line bg-panel p-6 shadow-float outline-none",
            className,
          )}
        >
          <div className="mb-3 flex items-start gap-4">
            <Radix.Title className="grow text-lg font-semibold">{title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton label={text.close} className="-mt-1.5 -mr-2">
                <Icon name="close" />
              </IconButton>
            </Radix.Close>
          </div>
          {description && <Radix.Description className="mb-4 text-muted">{description}</Radix.Description>}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
