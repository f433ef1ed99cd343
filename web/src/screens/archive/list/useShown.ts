import { useCallback, useMemo } from "react";

import { useConversationList } from "@/api/conversations";
import { useActiveJobs } from "@/api/jobs";
import { useHidden } from "@/lib/deleteWithUndo";

import { type Filters, toQuery } from "../filters/filters";

/** The conversations of the list: those that fulfil the filters, with the searched words in the title. */
export function useShown(filters: Filters) {
  const query = useMemo(() => {
    const { q, ...others } = toQuery(filters);
    return { ...others, ...(q && { title: q }) };
  }, [filters]);
  const list = useConversationList(query);
  const hidden = useHidden();
  const jobs = useActiveJobs().data;
  const { fetchNextPage, hasNextPage, isFetching, data } = list;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [fetchNextPage, hasNextPage, isFetching]);
  const found = useMemo(() => data?.pages.flatMap((page) => page.conversations) ?? [], [data]);
  const conversations = useMemo(() => {
    const running = new Set(jobs?.map((job) => job.conversation_id));
    // New recordings are shown above the list while they are processed.
    const above = (id: number, segments: number) => running.has(id) && segments === 0;
    return found.filter(({ id, num_segments }) => !hidden.has(id) && !above(id, num_segments));
  }, [found, hidden, jobs]);
  const missing = found.length - conversations.length;
  const total = (data?.pages[0]?.total ?? 0) - missing;
  return { list, found, conversations, total, onEnd };
}
