import type { QueryClient, QueryFilters, QueryKey } from "@tanstack/react-query";

/**
 * Read again what the filters select, where it is shown; elsewhere when it is shown next. What is being read for the first time is
 * read once more afterwards: the answer that is on its way may be older than the change.
 */
export async function invalidate(queries: QueryClient, filters: QueryFilters = {}): Promise<void> {
  for (const query of queries.getQueryCache().findAll({ ...filters, fetchStatus: "fetching" })) {
    const { queryKey, promise, state } = query;
    const again = () => void queries.invalidateQueries({ queryKey, exact: true });
    if (state.data === undefined) promise?.then(again, again);
  }
  await queries.invalidateQueries(filters);
}

/** The same for what the keys begin. */
export async function readAgain(queries: QueryClient, ...keys: readonly QueryKey[]): Promise<void> {
  await Promise.all(keys.map((queryKey) => invalidate(queries, { queryKey })));
}
