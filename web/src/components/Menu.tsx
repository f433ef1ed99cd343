import { DropdownMenu as Radix } from "radix-ui";
import type { ComponentProps } from "react";

import { IconButton } from "./Button";
import { cx } from "./cx";
import { Icon } from "./Icon";

export const Menu = Radix.Root;
export const MenuTrigger = Radix.Trigger;

/** The button with three dots that opens a menu. Its label says whose menu it is. */
export function MoreTrigger(props: Omit<ComponentProps<typeof IconButton>, "children">) {
  return (
    <MenuTrigger asChild>
      <IconButton {...props}>
        <Icon name="more" />
      </IconButton>
    </MenuTrigger>
  );
}

export function MenuContent({ className, ...rest }: ComponentProps<typeof Radix.Content>) {
  return (
    <Radix.Portal>
      <Radix.Content
        sideOffset={6}
        collisionPadding={12}
        align="end"
        className={cx("z-40 min-w-44 rounded-button border border-line bg-panel p-1 shadow-float", className)}
        {...rest}
      />
    </Radix.Portal>
  );
}

const ITEM =
  "flex cursor-pointer items-center gap-2.5 rounded-lg px-2.5 py-1.5 outline-none data-highlighted:bg-soft data-disabled:cursor-not-allowed data-disabled:opacity-50";

export function MenuItem({ className, danger, ...rest }: ComponentProps<typeof Radix.Item> & { danger?: boolean }) {
  return <Radix.Item className={cx(ITEM, danger && "text-danger", className)} {...rest} />;
}

export function MenuSeparator() {
  return <Radix.Separator className="my-1 h-px bg-line" />;
}
