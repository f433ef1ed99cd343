import { useMay } from "@/api/me";
import { IconButton } from "@/components/Button";
import { Icon, type IconName } from "@/components/Icon";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/Menu";
import { useArchiveText } from "@/i18n/archive";
import { useCommonText } from "@/i18n/common";

export interface RowActions {
  onSelect: () => void;
  onRename: () => void;
  onTags: () => void;
  onReprocess: () => void;
  onDelete: () => void;
}

interface RowMenuProps extends RowActions {
  title: string;
  /** It is being recorded or processed, and can be neither processed nor deleted. */
  busy: boolean;
}

export function RowMenu({ title, busy, onSelect, onRename, onTags, onReprocess, onDelete }: RowMenuProps) {
  const text = useArchiveText();
  const common = useCommonText();
  const writer = useMay("writer");
  const admin = useMay("admin");
  const item = (icon: IconName, label: string, run: () => void, disabled = false) => (
    <MenuItem onSelect={run} disabled={disabled}>
      <Icon name={icon} size={17} />
      {label}
    </MenuItem>
  );
  return (
    <Menu modal={false}>
      <MenuTrigger asChild>
        <IconButton
          label={text.actionsOf(title)}
          className="relative z-1 -mr-2.5 text-muted sm:-ml-4 opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 data-[state=open]:opacity-100 pointer-coarse:opacity-100"
        >
          <Icon name="more" size={18} />
        </IconButton>
      </MenuTrigger>
      {/* What an item opens has the focus, not the button again. */}
      <MenuContent onCloseAutoFocus={(event) => event.preventDefault()}>
        {item("check", text.select, onSelect)}
        {writer && (
          <>
            {item("edit", text.rename, onRename)}
            {item("tag", text.editTags, onTags)}
            {item("refresh", text.reprocess, onReprocess, busy)}
          </>
        )}
        {admin && (
          <>
            <MenuSeparator />
            <MenuItem danger disabled={busy} onSelect={onDelete}>
              <Icon name="trash" size={17} />
              {common.delete}
            </MenuItem>
          </>
        )}
      </MenuContent>
    </Menu>
  );
}
