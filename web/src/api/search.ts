import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";
import type { paths } from "./schema";

export type Hit = Schemas["Hit"];
type SearchQuery = NonNullable<paths["/api/v1/search"]["get"]["parameters"]["query"]>;

export const SEARCH = ["search"] as const;

const PAGE_HITS = 50;

/** Segments that say the words, the best first. */
export function useSearch(query: Omit<SearchQuery, "skip" | "limit">, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: [...SEARCH, query],
    queryFn: ({ pageParam, signal }) =>
      data(client.GET("/api/v1/search", { params: { query: { ...query, skip: pageParam, limit: PAGE_HITS } }, signal })),
    initialPageParam: 0,
    getNextPageParam: ({ skip, results, total }) => (skip + results.length < total ? skip + results.length : undefined),
    placeholderData: keepPreviousData,
    enabled,
  });
}
