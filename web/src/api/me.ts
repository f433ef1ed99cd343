import { queryOptions, useQuery } from "@tanstack/react-query";

import { recordingNow } from "@/lib/recording/recordingNow";

import { client, data, type Schemas } from "./client";

type Me = Schemas["Me"];
export type Role = Schemas["Role"];
const ORDER: readonly Role[] = ["reader", "writer", "admin"];

export const meKey = ["me"] as const;
/** Between two readings while nobody is logged in. */
const LOGIN_MS = 10_000;

/** For whom the page has read what it shows, and has yet to send what it keeps. */
let owner: string | null = null;

/**
 * Load the page again where another person is logged in than before: they see nothing of what was read
 * before, and what was not sent is not sent for them. While the page records it stays, and nobody is logged in.
 */
export async function samePerson(me: Me): Promise<Me> {
  if (owner === null || me.principal === null || me.principal === owner) {
    owner = me.principal ?? owner;
    return me;
  }
  if (recordingNow.snapshot()) return { ...me, role: null, principal: null, name: null };
  location.reload();
  return new Promise<never>(() => undefined); // nothing is shown before it is loaded
}

const meQuery = queryOptions({
  queryKey: meKey,
  queryFn: async () => samePerson(await data(client.GET("/api/v1/me"))),
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
