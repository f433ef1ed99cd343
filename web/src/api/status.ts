import { useQuery } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";

/** Milliseconds between two looks at how far an archive is embedded. */
const COVERAGE_EVERY = 5_000;

const read = () => data(client.GET("/api/v1/status"));

/** The models in force, and what there is to say about them. */
export function useStatus() {
  return useQuery({ queryKey: ["status"], queryFn: read, staleTime: 300_000 });
}

/** How many segments are found by meaning, from `first` on, until these are all. */
export function useCoverage(first: Schemas["Coverage"] | null | undefined): Schemas["Coverage"] | null {
  const now = useQuery({
    queryKey: ["status", "coverage"],
    queryFn: read,
    select: (status) => status.search_by_meaning,
    enabled: Boolean(first),
    refetchInterval: ({ state }) => (isComplete(state.data?.search_by_meaning) ? false : COVERAGE_EVERY),
  });
  const coverage = first ? (now.data ?? first) : null;
  return isComplete(coverage) ? null : coverage;
}

function isComplete(coverage: Schemas["Coverage"] | null | undefined): boolean {
  return coverage?.covered === coverage?.segments;
}
