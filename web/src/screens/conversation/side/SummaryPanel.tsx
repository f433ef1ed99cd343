import { useState } from "react";

import { useMay } from "@/api/me";
import { useStatus } from "@/api/status";
import {
  type ActionItem,
  DEFAULT_TEMPLATE,
  type Statement,
  type Summary,
  useSummarise,
  useSummary,
  useSummarySettings,
} from "@/api/summaries";
import { Button } from "@/components/Button";
import { INPUT } from "@/components/Field";
import { toastError } from "@/components/toast";
import { useLocale } from "@/i18n/language";
import { useSummaryText } from "@/i18n/summary";

import { useSession } from "../context";
import { Part } from "./Part";
import { TimeButton } from "./TimeButton";

/** What a language model wrote about the conversation; without one, its chapters. */
export function SummaryPanel() {
  const text = useSummaryText();
  const { id } = useSession();
  const { data: found } = useSummary(id);
  const model = useStatus().data?.language_model;
  if (!found) return null;
  return (
    <>
      {(found.model != null || model != null) && (
        <Part title={text.summary}>
          <Statements items={found.summary} />
          <State found={found} />
        </Part>
      )}
      <Chapters chapters={found.chapters} />
      <Listed title={text.decisions} items={found.decisions} />
      <Listed title={text.actions} items={found.action_items} />
      <Listed title={text.questions} items={found.questions} />
    </>
  );
}

/** How old the summary is, the work on it, and a button that renews it. */
function State({ found }: { found: Summary }) {
  const text = useSummaryText();
  const locale = useLocale();
  const { id } = useSession();
  const summarise = useSummarise(id);
  const mayWrite = useMay("writer");
  const model = useStatus().data?.language_model;
  const { job, stale, dropped } = found;
  const working = job?.finished_at === null;
  const failed = job?.state === "failed";
  const [chosen, setChosen] = useState<string>();
  const templates = useSummarySettings(model != null && mayWrite).data?.templates;
  const names = templates?.map(({ name }) => name) ?? [DEFAULT_TEMPLATE];
  // The template of the present summary may have been deleted.
  const template = [chosen, found.template].find((one) => one != null && names.includes(one)) ?? DEFAULT_TEMPLATE;
  const percent = new Intl.NumberFormat(locale, { style: "percent" });
  const label = failed ? text.again : found.model == null ? text.summarise : text.renew;
  return (
    <div className="grid gap-2 text-[13px] text-muted">
      {stale && <p className="text-warning">{text.stale}</p>}
      {failed && (
        <p role="alert" className="text-danger">
          {job.error ?? text.failed}
        </p>
      )}
      <p role="status" className="empty:hidden">
        {working && text.writing(percent.format(job.progress))}
      </p>
      {found.model != null && (
        <p>
          {text.writtenBy(found.model)} {dropped > 0 && text.dropped(dropped)}
        </p>
      )}
      {model && mayWrite && !working && (
        <>
          {found.model == null && <p>{text.goesTo(model.model, model.server)}</p>}
          <div className="flex flex-wrap items-center gap-2">
            <Button
              size="small"
              disabled={summarise.isPending}
              onClick={() => summarise.mutate(template, { onError: toastError })}
            >
              {label}
            </Button>
            <select
              aria-label={text.template}
              className={`${INPUT} h-7! w-auto! max-w-full px-2! text-[13px]`}
              value={template}
              onChange={({ target }) => setChosen(target.value)}
            >
              {names.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </div>
        </>
      )}
    </div>
  );
}

function Chapters({ chapters }: { chapters: Summary["chapters"] }) {
  const text = useSummaryText();
  if (chapters.length === 0) return null;
  return (
    <Part title={text.chapters}>
      <ol className="grid gap-1.5 text-[13.5px]">
        {chapters.map(({ segment_id, start_offset, title }) => (
          <li key={segment_id} className="grid grid-cols-[auto_minmax(0,1fr)] items-baseline gap-3">
            <TimeButton seconds={start_offset} />
            <span dir="auto">{title}</span>
          </li>
        ))}
      </ol>
    </Part>
  );
}

function Listed({ title, items }: { title: string; items: readonly (Statement | ActionItem)[] }) {
  if (items.length === 0) return null;
  return (
    <Part title={title}>
      <Statements items={items} />
    </Part>
  );
}

function Statements({ items }: { items: readonly (Statement | ActionItem)[] }) {
  const text = useSummaryText();
  if (items.length === 0) return null;
  return (
    <ul className="grid gap-2 pb-3 text-[13.5px]">
      {items.map((item, number) => (
        <li key={number} dir="auto">
          {item.text} {"owner" in item && item.owner && <span className="text-muted">{text.owner(item.owner, item.due)} </span>}
          <span className="inline-flex flex-wrap gap-x-2 text-[13px]">
            {item.citations.map(({ segment_id, start_offset }) => (
              <TimeButton key={segment_id} seconds={start_offset} />
            ))}
          </span>
        </li>
      ))}
    </ul>
  );
}
