import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";
import { conversationKeys } from "./conversations";

export type Summary = Schemas["Summary"];
export type Statement = Schemas["Statement"];
export type ActionItem = Schemas["ActionItem"];

export type Template = Schemas["Template"];

/** What the application takes where no other template is chosen. */
export const DEFAULT_TEMPLATE = "general";

const settingsKey = ["settings", "summaries"] as const;

export function summaryKey(id: number) {
  return [...conversationKeys.one(id), "summary"] as const;
}

/** What a language model wrote about the conversation, and the work on it. */
export function useSummary(id: number) {
  return useQuery({
    queryKey: summaryKey(id),
    queryFn: () =>
      data(client.GET("/api/v1/conversations/{conversation_id}/summary", { params: { path: { conversation_id: id } } })),
  });
}

/** Have the conversation summarised. */
export function useSummarise(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (template: string) =>
      data(
        client.POST("/api/v1/conversations/{conversation_id}/summary", {
          params: { path: { conversation_id: id } },
          body: { template },
        }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: summaryKey(id) }),
  });
}

/** The language model, and the templates. */
export function useSummarySettings(enabled = true) {
  return useQuery({
    queryKey: settingsKey,
    queryFn: () => data(client.GET("/api/v1/settings/summaries")),
    enabled,
  });
}

/** Send the language model a small request. */
export function useCheckModel() {
  return useMutation({ mutationFn: () => data(client.POST("/api/v1/settings/summaries/check")) });
}

/** Add a template, or change one that was added. */
export function usePutTemplate() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ name, instructions }: Pick<Template, "name" | "instructions">) =>
      data(client.PUT("/api/v1/settings/summaries/templates/{name}", { params: { path: { name } }, body: { instructions } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: settingsKey }),
  });
}

export function useDeleteTemplate() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (name: string) =>
      data(client.DELETE("/api/v1/settings/summaries/templates/{name}", { params: { path: { name } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: settingsKey }),
  });
}
