import { useCallback, useMemo, useState } from "react";

import { changeMany } from "@/api/bulk";
import { conversationKeys } from "@/api/conversations";
import { useEndedJobs } from "@/api/jobs";
import { readAgain } from "@/api/readAgain";
import { TAGS } from "@/api/tags";
import { queryClient } from "@/app/queryClient";
import { Button } from "@/components/Button";
import { Empty } from "@/components/Empty";
import { Loading } from "@/components/Loading";
import { toastError } from "@/components/toast";
import { useArchiveText } from "@/i18n/archive";
import { useCommonText } from "@/i18n/common";
import { deleteWithUndo } from "@/lib/deleteWithUndo";

import { BulkBar } from "./BulkBar";
import { type Filters, isFiltered, NONE } from "./filters/filters";
import { SearchResults } from "./find/SearchResults";
import { ConversationList } from "./list/ConversationList";
import { useShown } from "./list/useShown";
import { useSelection } from "./selection";
import { useReprocess } from "./useReprocess";
import { useRowKeys } from "./useRowKeys";

/** With words, until the others are asked for: what was said stays on the screen. */
const MAX_TITLES = 5;

interface ResultsProps {
  filters: Filters;
  onChange: (change: Partial<Filters>) => void;
  /** What to say where the archive is empty. */
  whenEmpty: string;
}

/** The list of conversations, with what was said in them where words are searched. */
export function Results({ filters, onChange, whenEmpty }: ResultsProps) {
  const text = useArchiveText();
  const common = useCommonText();
  const { list, found, conversations: all, total, onEnd } = useShown(filters);
  const words = filters.q.trim();
  const [allTitlesOf, setAllTitlesOf] = useState("");
  const few = words !== "" && words !== allTitlesOf;
  const conversations = useMemo(() => (few ? all.slice(0, MAX_TITLES) : all), [few, all]);
  const ended = useEndedJobs(found.some(({ status }) => status === "failed")).data;
  const selection = useSelection(useMemo(() => conversations.map(({ id }) => id), [conversations]));
  const { ids, toggle, clear } = selection;
  useRowKeys(toggle);
  const reprocess = useReprocess().mutate;
  const remove = useCallback(
    (removed: readonly number[]) => deleteWithUndo(removed, text.deleted(removed.length), common.undo),
    [text, common],
  );
  const onReprocess = useCallback((id: number) => reprocess([id]), [reprocess]);
  const onDelete = useCallback((id: number) => remove([id]), [remove]);
  if (list.isPending) return <Loading />;
  if (!list.data) {
    return (
      <Empty title={text.unread}>
        <p className="mb-4">{list.error.message}</p>
        <Button onClick={() => void list.refetch()}>{common.retry}</Button>
      </Empty>
    );
  }
  return (
    <>
      {list.isError && (
        <p
          role="alert"
          className="mb-4 flex flex-wrap items-center gap-3 rounded-panel border border-line bg-panel px-4 py-2.5"
        >
          <span className="grow">{list.error.message}</span>
          <Button size="small" onClick={() => void list.refetch()}>
            {common.retry}
          </Button>
        </p>
      )}
      {conversations.length > 0 && (
        <>
          {words && <h2 className="mb-2 px-1 text-[13px] text-muted">{text.inTitles(total)}</h2>}
          <ConversationList
            conversations={conversations}
            total={few ? conversations.length : total}
            selected={ids}
            ended={ended ?? NO_JOBS}
            onEnd={few ? NOTHING : onEnd}
            onSelect={toggle}
            onReprocess={onReprocess}
            onDelete={onDelete}
          />
          {few && total > MAX_TITLES && (
            <p className="pt-2 text-center">
              <Button kind="quiet" size="small" onClick={() => setAllTitlesOf(words)}>
                {text.showAll(total)}
              </Button>
            </p>
          )}
        </>
      )}
      {words ? (
        <SearchResults filters={filters} onChange={onChange} />
      ) : (
        conversations.length === 0 &&
        (isFiltered(filters) ? (
          <Empty title={text.noneFound}>
            <Button onClick={() => onChange(NONE)}>{text.clearFilters}</Button>
          </Empty>
        ) : (
          found.length === 0 && <Empty title={text.empty}>{whenEmpty}</Empty>
        ))
      )}
      {ids.size > 0 && (
        <BulkBar
          ids={[...ids]}
          shown={conversations.length}
          onAll={selection.all}
          onClear={clear}
          onTag={(tag) => void addTag([...ids], tag)}
          onReprocess={() => {
            reprocess([...ids]);
            clear();
          }}
          onDelete={() => {
            remove([...ids]);
            clear();
          }}
        />
      )}
    </>
  );
}

const NOTHING = () => undefined;
const NO_JOBS = new Map<number, never>();

async function addTag(ids: readonly number[], tag: string): Promise<void> {
  try {
    const [failure] = await changeMany(ids, { action: "add_tags", tags: [tag] });
    if (failure) toastError(failure.error);
  } catch (error) {
    toastError(error);
  }
  await readAgain(queryClient, conversationKeys.lists, TAGS);
}
