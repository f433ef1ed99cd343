import type { QueryClient, QueryKey } from "@tanstack/react-query";

/** Read again what the keys begin, where it is shown; elsewhere when it is shown next. */
export async function readAgain(queries: QueryClient, ...keys: readonly QueryKey[]): Promise<void> {
  await Promise.all(keys.map((queryKey) => queries.invalidateQueries({ queryKey })));
}
