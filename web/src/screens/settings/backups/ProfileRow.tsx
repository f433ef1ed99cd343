import { useState } from "react";

import { downloadAddress, type Profile, useCreateCheckpoint } from "@/api/profiles";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { Menu, MenuContent, MenuItem, MenuSeparator, MoreTrigger } from "@/components/Menu";
import { toast, toastError } from "@/components/toast";
import { useLocale } from "@/i18n/language";
import { useCommonText } from "@/i18n/common";
import { useBackupsText } from "@/i18n/backups";
import { day } from "@/lib/time";

import { ROW } from "../Part";
import { Checkpoints } from "./Checkpoints";
import { type Asked, Questions } from "./Questions";

export function ProfileRow({ profile }: { profile: Profile }) {
  const text = useBackupsText();
  const common = useCommonText();
  const locale = useLocale();
  const [asked, setAsked] = useState<Asked>();
  const [open, setOpen] = useState(false);
  const checkpoint = useCreateCheckpoint();
  const saveCheckpoint = () =>
    void checkpoint.mutateAsync(name).then(() => {
      toast(text.checkpointSaved);
      setOpen(true);
    }, toastError);
  const { name, description, created_at, speakers_count, segments_count } = profile;
  return (
    <li>
      <div className={ROW}>
        <div className="min-w-60 flex-1">
          <h3 className="font-medium break-words">{name}</h3>
          <p className="text-[13px] text-muted">
            {[day(created_at, locale), text.contents(speakers_count, segments_count)].join(" · ")}
          </p>
          {description && <p className="break-words">{description}</p>}
        </div>
        <div className="-ml-2.5 flex items-center gap-x-2 sm:ml-0">
          <Button size="small" kind="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            {text.checkpoints}
            <Icon name={open ? "up" : "down"} size={14} />
          </Button>
          <Button size="small" aria-label={`${text.restore}: ${name}`} onClick={() => setAsked("restore")}>
            {text.restore}
          </Button>
          <Menu>
            <MoreTrigger label={text.more(name)} />
            <MenuContent>
              <MenuItem onSelect={saveCheckpoint}>{text.checkpoint}</MenuItem>
              <MenuItem onSelect={() => setAsked("update")}>{text.update}</MenuItem>
              <MenuItem asChild>
                <a href={downloadAddress(name)} download>
                  {text.download}
                </a>
              </MenuItem>
              <MenuSeparator />
              <MenuItem danger onSelect={() => setAsked("delete")}>
                {common.delete}
              </MenuItem>
            </MenuContent>
          </Menu>
        </div>
      </div>
      {open && <Checkpoints name={name} />}
      <Questions profile={profile} asked={asked} close={() => setAsked(undefined)} />
    </li>
  );
}
