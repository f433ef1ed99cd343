import { Popover as Radix } from "radix-ui";
import type { ComponentProps } from "react";

import { cx } from "./cx";

export const Popover = Radix.Root;
export const PopoverTrigger = Radix.Trigger;
export const PopoverAnchor = Radix.Anchor;
export const PopoverClose = Radix.Close;

/** A panel beside its trigger. Give it `aria-label`, or `aria-labelledby` a heading inside. */
export function PopoverContent({ className, ...rest }: ComponentProps<typeof Radix.Content>) {
  return (
    <Radix.Portal>
      <Radix.Content
        sideOffset={8}
        collisionPadding={12}
        className={cx(
          "z-40 w-90 max-w-[calc(100vw-24px)] rounded-panel border border-line bg-panel p-4 shadow-float",
          className,
        )}
        {...rest}
      />
    </Radix.Portal>
  );
}
