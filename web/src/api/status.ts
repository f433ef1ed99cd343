import { useQuery } from "@tanstack/react-query";

import { client, data } from "./client";

/** The models in force, and what there is to say about them. */
export function useStatus() {
  return useQuery({ queryKey: ["status"], queryFn: () => data(client.GET("/api/v1/status")), staleTime: 300_000 });
}
