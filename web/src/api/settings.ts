import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";

export type VoiceSettings = Schemas["CurrentVoiceSettings"];
export type Vocabulary = Schemas["VocabularySettings"];

/** The settings to change; with `embedding_model`, a speaker threshold in bounds is taken whatever its value. */
export type VoiceSettingsChange = Partial<Omit<VoiceSettings, "warning">> & { embedding_model?: string };

export const voiceSettingsKey = ["settings", "voice"] as const;
const vocabularyKey = ["settings", "vocabulary"] as const;

export function useVoiceSettings() {
  return useQuery({ queryKey: voiceSettingsKey, queryFn: () => data(client.GET("/api/v1/settings/voice")) });
}

export function useChangeVoiceSettings() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (change: VoiceSettingsChange) => data(client.POST("/api/v1/settings/voice", { body: change })),
    onMutate: () => queries.cancelQueries({ queryKey: voiceSettingsKey }),
    onSuccess: (settings) => queries.setQueryData(voiceSettingsKey, settings),
  });
}

export function useResetVoiceSettings() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => data(client.POST("/api/v1/settings/voice/reset")),
    onMutate: () => queries.cancelQueries({ queryKey: voiceSettingsKey }),
    onSuccess: (settings) => queries.setQueryData(voiceSettingsKey, settings),
  });
}

export function useVocabulary() {
  return useQuery({ queryKey: vocabularyKey, queryFn: () => data(client.GET("/api/v1/settings/vocabulary")) });
}

export function useReplaceVocabulary() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["NewVocabulary"]) => data(client.PUT("/api/v1/settings/vocabulary", { body })),
    onMutate: () => queries.cancelQueries({ queryKey: vocabularyKey }),
    onSuccess: (vocabulary) => queries.setQueryData(vocabularyKey, vocabulary),
  });
}
