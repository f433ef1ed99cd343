import { memo, useState } from "react";
import { Link } from "react-router";

import type { ListedConversation } from "@/api/conversations";
import type { Job } from "@/api/jobs";
import { cx } from "@/components/cx";
import { Popover, PopoverAnchor, PopoverContent } from "@/components/Popover";
import { TagEditor } from "@/components/TagEditor";
import { TitleField } from "@/components/TitleField";
import { useArchiveText } from "@/i18n/archive";
import { useLocale } from "@/i18n/language";
import { clock, day } from "@/lib/time";
import { titleOf } from "@/lib/titles";
import { useConversationChange } from "@/lib/useConversationChange";

import { Participants } from "./Participants";
import { RowMenu } from "./RowMenu";
import { Status } from "./Status";
import { Timeline } from "./Timeline";

export interface RowCallbacks {
  /** `range`: all from the last selected row to this one. */
  onSelect: (id: number, range: boolean) => void;
  onReprocess: (id: number) => void;
  onDelete: (id: number) => void;
}

interface ConversationRowProps extends RowCallbacks {
  conversation: ListedConversation;
  /** Its last job, if that failed or was cancelled. */
  job: Job | undefined;
  selected: boolean;
  /** Something is selected. */
  selecting: boolean;
  /** Whose it is, where that is somebody else. */
  owner: string | undefined;
}

export const ConversationRow = memo(function ConversationRow(props: ConversationRowProps) {
  const { conversation, job, selected, selecting, owner, onSelect, onReprocess, onDelete } = props;
  const text = useArchiveText();
  const locale = useLocale();
  const [editing, setEditing] = useState<"title" | "tags">();
  const change = useConversationChange(conversation.id);
  const { id, start_time, duration, tags, status } = conversation;
  const title = titleOf(conversation.title) ?? text.untitled(id);
  const about = [day(start_time, locale), duration === null ? "" : clock(duration), owner ?? ""].filter(Boolean);
  const done = (changed?: string) => {
    setEditing(undefined);
    if (changed) change.mutate({ title: changed });
  };
  return (
    <div
      className={cx(
        "relative grid min-h-[74px] grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 px-4.5 py-2.5",
        "sm:grid-cols-[minmax(0,1fr)_minmax(0,400px)_116px_auto] sm:gap-x-6",
        selecting && "max-sm:pl-12",
        selected ? "bg-accent/8" : "hover:bg-soft/60",
      )}
    >
      <input
        type="checkbox"
        checked={selected}
        aria-label={text.selectOne(title)}
        className={cx(
          "absolute top-1/2 z-1 size-4.5 -translate-y-1/2 accent-accent sm:-left-8",
          "before:absolute before:-inset-y-5 before:-right-4 before:-left-2 before:content-['']",
          !selecting && "opacity-0 group-hover:opacity-100 focus-visible:opacity-100 max-sm:hidden",
          selecting && "max-sm:left-4.5",
        )}
        onChange={() => undefined}
        onClick={({ shiftKey }) => onSelect(id, shiftKey)}
      />
      <div className="min-w-0 max-sm:contents">
        <div className="min-w-0">
          {editing === "title" ? (
            <TitleField title={title} label={text.titleOf(title)} onDone={done} className="relative z-1 h-8 font-semibold" />
          ) : (
            <p className="line-clamp-2 font-semibold wrap-anywhere sm:line-clamp-1">
              <Link
                to={`/c/${id}`}
                data-row={id}
                className="outline-none after:absolute after:inset-0 focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
                dir="auto"
              >
                {title}
              </Link>
            </p>
          )}
          <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <span className="text-[13px] text-muted tabular-nums">{about.join(" · ")}</span>
            {tags.map((tag) => (
              <span key={tag} className="rounded-chip bg-soft px-2 text-[12px]/5">
                {tag}
              </span>
            ))}
            {status !== "completed" && <Status conversation={conversation} job={job} />}
          </div>
        </div>
      </div>
      <div className="max-sm:order-1 max-sm:col-span-2">
        <Timeline conversation={conversation} />
      </div>
      <div className="max-sm:order-2">
        <Participants participants={conversation.participants} />
      </div>
      <Popover open={editing === "tags"} onOpenChange={(open) => setEditing(open ? "tags" : undefined)}>
        <PopoverAnchor>
          <RowMenu
            title={title}
            busy={status === "processing" || status === "recording"}
            onSelect={() => onSelect(id, false)}
            onRename={() => setEditing("title")}
            onTags={() => setEditing("tags")}
            onReprocess={() => onReprocess(id)}
            onDelete={() => onDelete(id)}
          />
        </PopoverAnchor>
        <PopoverContent align="end" aria-label={text.tagsOf(title)}>
          <TagEditor
            tags={tags}
            onAdd={(tag) => change.mutate({ tags: [...tags, tag] })}
            onRemove={(tag) => change.mutate({ tags: tags.filter((each) => each !== tag) })}
          />
        </PopoverContent>
      </Popover>
    </div>
  );
});
