import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";
import { conversationKeys } from "./conversations";

export type Sharing = Schemas["SharingWithAccounts"];

/** Who sees a conversation; its owner and administrators may ask. */
export function useSharing(id: number) {
  return useQuery({
    queryKey: [...conversationKeys.one(id), "sharing"],
    queryFn: () =>
      data(client.GET("/api/v1/conversations/{conversation_id}/sharing", { params: { path: { conversation_id: id } } })),
  });
}

export function useShare(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["SharingChange"]) =>
      data(
        client.PATCH("/api/v1/conversations/{conversation_id}/sharing", { params: { path: { conversation_id: id } }, body }),
      ),
    onSuccess: () =>
      Promise.all(
        [conversationKeys.one(id), conversationKeys.lists].map((queryKey) => queries.invalidateQueries({ queryKey })),
      ),
  });
}
