import { useQuery } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";

export type Role = Schemas["Role"];
const ORDER: readonly Role[] = ["reader", "writer", "admin"];

export const meKey = ["me"] as const;

/** Who uses the page, with which role, and how to log in. */
export function useMe() {
  return useQuery({ queryKey: meKey, queryFn: () => data(client.GET("/api/v1/me")), staleTime: Infinity });
}

/** Whether the reader's role includes another one. Hide what would be refused. */
export function useMay(role: Role): boolean {
  const own = useMe().data?.role;
  return own != null && ORDER.indexOf(own) >= ORDER.indexOf(role);
}
