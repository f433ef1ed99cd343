import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";

import { type Filters, parseFilters, toParams } from "./filters";

/** The filters in the address, and how to change them. `typing`: in place of the present entry of the browser's history. */
export function useFilters(): [Filters, (change: Partial<Filters>, typing?: boolean) => void] {
  const [params, setParams] = useSearchParams();
  const filters = useMemo(() => parseFilters(params), [params]);
  const change = useCallback(
    (changed: Partial<Filters>, typing = false) =>
      setParams((before) => toParams({ ...parseFilters(before), ...changed }), { replace: typing, preventScrollReset: true }),
    [setParams],
  );
  return [filters, change];
}
