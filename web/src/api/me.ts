import { queryOptions, useQuery } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";

export type Role = Schemas["Role"];
const ORDER: readonly Role[] = ["reader", "writer", "admin"];

export const meKey = ["me"] as const;
/** Between two readings while nobody is logged in. */
const LOGIN_MS = 10_000;

const meQuery = queryOptions({
  queryKey: meKey,
  queryFn: () => data(client.GET("/api/v1/me")),
  staleTime: Infinity,
});

/** Who uses the page, with which role, and how to log in. */
export function useMe() {
  return useQuery(meQuery);
}

/** The same, which also follows a login in another tab. Once. */
export function useLogin() {
  return useQuery({ ...meQuery, refetchInterval: ({ state }) => state.data?.role === null && LOGIN_MS });
}

/** Whether the reader's role includes another one. Hide what would be refused. */
export function useMay(role: Role): boolean {
  const own = useMe().data?.role;
  return own != null && ORDER.indexOf(own) >= ORDER.indexOf(role);
}
