import { queryOptions, useQuery } from "@tanstack/react-query";

import { unsavedTexts } from "@/lib/unsavedTexts";
import { staying, unsent } from "@/lib/unsent";

import { client, data, type Schemas } from "./client";

type Me = Schemas["Me"];
export type Role = Schemas["Role"];
const ORDER: readonly Role[] = ["reader", "writer", "admin"];

export const meKey = ["me"] as const;
/** Between two readings while nobody is logged in. */
const LOGIN_MS = 10_000;

/** For whom the page has read what it shows, and has yet to send what it keeps. */
let owner: Pick<Me, "principal" | "name"> | null = null;

/**
 * Load the page again where another person is logged in than before: they see nothing of what was read before. While the page
 * has something to send for the former person it stays, and nobody is logged in.
 */
export async function samePerson(me: Me): Promise<Me> {
  if (me.principal === null) return me;
  owner ??= me;
  if (me.principal === owner.principal) return me;
  if (unsent.snapshot() || staying.snapshot()) return { ...me, role: null, principal: null, name: null };
  unsavedTexts.clear(); // of the former person; the browser would ask
  location.reload();
  return new Promise<never>(() => undefined); // nothing is shown before it is loaded
}

/** The name of the person to whom the page belongs; null where they have none. */
export function ownerName(): string | null {
  return owner?.name ?? null;
}

/** Whether that person is logged in. What the page keeps is sent for whoever is: read it before each request that sends some. */
export async function isOwnerLoggedIn(): Promise<boolean> {
  const { principal } = await data(client.GET("/api/v1/me"));
  return principal !== null && principal === owner?.principal;
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
