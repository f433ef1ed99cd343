import { useQuery } from "@tanstack/react-query";

import { client, data } from "./client";

export const TAGS = ["tags"] as const;

/** The tags of all conversations, the most used first. */
export function useTags() {
  return useQuery({ queryKey: TAGS, queryFn: () => data(client.GET("/api/v1/tags")) });
}
