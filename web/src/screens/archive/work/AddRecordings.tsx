import { useRef } from "react";

import { Button, IconButton } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { ProcessingOptions } from "@/components/ProcessingOptions";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/Popover";
import { useArchiveText } from "@/i18n/archive";

import { recordingsOf } from "./dropped";
import { useOptions } from "./options";
import { useTake } from "./useTake";

/** Opens the choice of files; beside it how to process them. */
export function AddRecordings({ onFiles }: { onFiles: (files: readonly File[]) => void }) {
  const text = useArchiveText();
  const files = useRef<HTMLInputElement>(null);
  const take = useTake(onFiles);
  const folder = useRef<HTMLInputElement>(null);
  const [options, change] = useOptions();
  const chosen = Object.values(options).some(Boolean);
  return (
    <div className="flex">
      <Button kind="primary" className="rounded-r-none!" onClick={() => files.current?.click()}>
        {text.add}
      </Button>
      <Popover>
        <PopoverTrigger asChild>
          <IconButton
            kind="primary"
            label={chosen ? text.optionsChosen : text.options}
            className="relative w-8! rounded-l-none! border-l border-on-accent/30!"
          >
            <Icon name="down" size={14} />
            {chosen && <span className="absolute -top-1 -right-1 size-3 rounded-full border-2 border-background bg-ink" />}
          </IconButton>
        </PopoverTrigger>
        <PopoverContent align="end" aria-label={text.options}>
          <p className="mb-3 text-[13px] text-muted">{text.optionsHint}</p>
          <ProcessingOptions options={options} change={change} />
          <div className="mt-5 flex flex-wrap gap-2">
            <Button onClick={() => files.current?.click()}>{text.chooseFiles}</Button>
            <Button onClick={() => folder.current?.click()}>{text.chooseFolder}</Button>
          </div>
        </PopoverContent>
      </Popover>
      <input
        ref={files}
        type="file"
        multiple
        accept="audio/*,video/*"
        hidden
        aria-label={text.add}
        onChange={({ target }) => {
          onFiles([...(target.files ?? [])]);
          target.value = "";
        }}
      />
      <input
        ref={folder}
        type="file"
        webkitdirectory=""
        hidden
        aria-label={text.chooseFolder}
        onChange={({ target }) => {
          take(recordingsOf(target.files ?? []));
          target.value = "";
        }}
      />
    </div>
  );
}
