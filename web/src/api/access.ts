/** Keys, accounts and the audit log, for administrators; the own password and the end of the session. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";
import { readAgain } from "./readAgain";

export type Key = Schemas["Key"];
export type Person = Schemas["Person"];

const keysKey = ["keys"] as const;
const accountsKey = ["accounts"] as const;

export const AUDIT_PAGE = 50;

export function useKeys() {
  return useQuery({ queryKey: keysKey, queryFn: () => data(client.GET("/api/v1/keys")) });
}

export function useCreateKey() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["NewKey"]) => data(client.POST("/api/v1/keys", { body })),
    onSuccess: () => queries.invalidateQueries({ queryKey: keysKey }),
  });
}

export function useRevokeKey() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => data(client.DELETE("/api/v1/keys/{key_id}", { params: { path: { key_id: id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: keysKey }),
  });
}

export function useAccounts(enabled = true) {
  return useQuery({ queryKey: accountsKey, queryFn: () => data(client.GET("/api/v1/people")), enabled });
}

/** A change of accounts. Keys end with their owner's account. */
function useAccountChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => readAgain(queries, accountsKey, keysKey),
  });
}

export function useCreateAccount() {
  return useAccountChange((body: Schemas["NewPerson"]) => data(client.POST("/api/v1/people", { body })));
}

export function useChangeAccount() {
  return useAccountChange(({ id, ...body }: Schemas["PersonChange"] & { id: number }) =>
    data(client.PATCH("/api/v1/people/{person_id}", { params: { path: { person_id: id } }, body })),
  );
}

export function useDeleteAccount() {
  return useAccountChange((id: number) =>
    data(client.DELETE("/api/v1/people/{person_id}", { params: { path: { person_id: id } } })),
  );
}

/** A page of the audit log, newest first; the first page is 0. */
export function useAuditLog(page: number) {
  return useQuery({
    queryKey: ["audit", page],
    queryFn: () => data(client.GET("/api/v1/audit", { params: { query: { skip: page * AUDIT_PAGE, limit: AUDIT_PAGE } } })),
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}

export function changePassword(current_password: string, new_password: string) {
  return data(client.POST("/api/v1/me/password", { body: { current_password, new_password } }));
}

export function logOut() {
  return data(client.POST("/api/v1/logout"));
}
