import { useState } from "react";

import { useMay } from "@/api/me";
import { Button, IconButton } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/Popover";
import { TagEditor } from "@/components/TagEditor";
import { useArchiveText } from "@/i18n/archive";
import { useCommonText } from "@/i18n/common";

import { ExportMenu } from "./ExportMenu";

interface BulkBarProps {
  ids: readonly number[];
  /** How many rows could be selected. */
  shown: number;
  onAll: () => void;
  onClear: () => void;
  onTag: (tag: string) => void;
  onReprocess: () => void;
  onDelete: () => void;
}

/** What can be done with the selected conversations, at the bottom of the window. */
export function BulkBar({ ids, shown, onAll, onClear, onTag, onReprocess, onDelete }: BulkBarProps) {
  const text = useArchiveText();
  const common = useCommonText();
  const writer = useMay("writer");
  const admin = useMay("admin");
  const [added, setAdded] = useState<readonly string[]>([]);
  return (
    <div
      role="toolbar"
      aria-label={text.withSelected}
      className="fixed inset-x-2 bottom-18 z-20 mx-auto flex w-fit flex-wrap items-center gap-1 rounded-panel border border-line bg-panel py-1.5 pr-1.5 pl-4 shadow-float sm:bottom-6"
    >
      <span role="status" className="mr-2 font-medium whitespace-nowrap">
        {text.selected(ids.length)}
      </span>
      {ids.length < shown && (
        <Button kind="quiet" onClick={onAll}>
          {text.selectAll(shown)}
        </Button>
      )}
      {writer && (
        <>
          <Popover onOpenChange={() => setAdded([])}>
            <PopoverTrigger asChild>
              <Button kind="quiet">
                <Icon name="tag" size={17} />
                {text.addTag}
              </Button>
            </PopoverTrigger>
            <PopoverContent side="top" aria-label={text.addTag}>
              <TagEditor
                tags={added}
                onAdd={(tag) => {
                  setAdded([...added, tag]);
                  onTag(tag);
                }}
              />
            </PopoverContent>
          </Popover>
          <Button kind="quiet" onClick={onReprocess}>
            <Icon name="refresh" size={17} />
            {text.reprocess}
          </Button>
        </>
      )}
      <ExportMenu ids={ids} />
      {admin && (
        <Button kind="quiet" className="text-danger!" onClick={onDelete}>
          <Icon name="trash" size={17} />
          {common.delete}
        </Button>
      )}
      <IconButton label={text.selectNone} onClick={onClear}>
        <Icon name="close" size={17} />
      </IconButton>
    </div>
  );
}
