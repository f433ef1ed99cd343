import type { Segment } from "@/api/segments";
import { Icon, type IconName } from "@/components/Icon";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/Menu";
import { useEditingText } from "@/i18n/editing";

import { useSession } from "../context";
import { copyLink } from "../copyLink";
import { isJoinable } from "./joinable";

interface SegmentMenuProps {
  segment: Segment;
  anchor: HTMLElement;
  close: () => void;
}

/** What can be done with a segment. */
export function SegmentMenu({ segment, anchor, close }: SegmentMenuProps) {
  const text = useEditingText();
  const { id, editor, player, segments } = useSession();
  const joinable = isJoinable(segments.snapshot().segments, segment);
  const { left, top, width, height } = anchor.getBoundingClientRect();
  const item = (icon: IconName, label: string, run: () => void, options: { danger?: boolean; disabled?: boolean } = {}) => (
    <MenuItem onSelect={run} {...options}>
      <Icon name={icon} size={17} />
      {label}
    </MenuItem>
  );
  return (
    <Menu open onOpenChange={(open) => !open && editor.snapshot().opened?.what === "menu" && close()}>
      <MenuTrigger asChild>
        <span aria-hidden="true" className="pointer-events-none fixed" style={{ left, top, width, height }} />
      </MenuTrigger>
      <MenuContent onCloseAutoFocus={(event) => event.preventDefault()}>
        {item("play", text.play, () => player.playFrom(segment.start_offset))}
        {item("edit", text.edit, () => editor.edit(segment.id))}
        {item("people", text.who, () => editor.open({ what: "who", segment, anchor }))}
        {item("smile", text.emotion, () => editor.open({ what: "emotion", segment, anchor }))}
        {item("merge", text.join, () => void editor.join(segment), { disabled: !joinable })}
        {item("link", text.copyLink, () => void copyLink(id, segment.start_offset))}
        <MenuSeparator />
        {item("trash", text.remove, () => void editor.remove(segment), { danger: true })}
      </MenuContent>
    </Menu>
  );
}
