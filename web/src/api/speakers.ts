import { type QueryClient, type QueryKey, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";
import { conversationKeys } from "./conversations";
import { readAgain } from "./readAgain";
import { SEARCH } from "./search";

export type Speaker = Schemas["Speaker"];
export type SpeakerOverview = Schemas["SpeakerOverview"];
export type Suggestion = Schemas["Suggestion"];
export type SpeechSample = Schemas["SpeechSample"];

/** Everything that is read of speakers, in parts that can be invalidated together. */
export const speakersKey = ["speakers"] as const;

export function useSpeakers() {
  return useQuery({ queryKey: [...speakersKey, "list"], queryFn: () => data(client.GET("/api/v1/speakers")) });
}

export function useSpeakerOverview() {
  return useQuery({ queryKey: [...speakersKey, "overview"], queryFn: () => data(client.GET("/api/v1/speakers/overview")) });
}

export function useSuggestions() {
  return useQuery({
    queryKey: [...speakersKey, "suggestions"],
    queryFn: () => data(client.GET("/api/v1/speakers/suggestions", { params: { query: { limit: 100 } } })),
  });
}

export function useSpeakerChanges() {
  return useQuery({ queryKey: [...speakersKey, "changes"], queryFn: () => data(client.GET("/api/v1/speakers/changes")) });
}

/** Clear segments of a speaker, of different conversations first. */
export function useSamples(speakerId: number | null) {
  return useQuery({
    queryKey: [...speakersKey, "samples", speakerId],
    queryFn: () =>
      data(client.GET("/api/v1/speakers/{speaker_id}/samples", { params: { path: { speaker_id: speakerId ?? 0 } } })),
    enabled: speakerId !== null,
  });
}

/** What has names of speakers beside the speakers themselves: lists, transcripts and search results. */
export const withNames: readonly QueryKey[] = [conversationKeys.lists, conversationKeys.each, SEARCH];

/** Read again what a change of speakers changed. */
export function speakersChanged(queries: QueryClient): Promise<void> {
  return readAgain(queries, speakersKey, ...withNames);
}

/** A change of speakers, after which everything that shows names is read again. */
function useSpeakerChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => speakersChanged(queries) });
}

/** A change that is kept in the history. It resolves to the answer, and to the change's id, by which it can be undone. */
function useUndoableChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  return useSpeakerChange(async (input: Input) => {
    const answer = await change(input);
    // It has been made: where the history cannot be read, it is only not offered to undo it here.
    const changes = await data(client.GET("/api/v1/speakers/changes")).catch(() => []);
    return { answer, change: changes.find(({ undone_at }) => undone_at === null)?.id };
  });
}

/** A speaker by id, or a name, which may be new. */
export type Who = { speaker_id: number } | { speaker_name: string };

export interface Naming {
  conversationId: number;
  segmentId: number;
  who: Who;
  /** `everywhere`: an unknown voice gets the name in all conversations. `here`: only this segment. */
  scope: "everywhere" | "here";
}

export function useNaming() {
  return useUndoableChange(({ conversationId, segmentId, who, scope }: Naming) => {
    const options = {
      params: { path: { conversation_id: conversationId, segment_id: segmentId } },
      body: { enroll: true, ...who },
    };
    const path = "/api/v1/conversations/{conversation_id}/segments/{segment_id}";
    return data(scope === "everywhere" ? client.POST(`${path}/identify`, options) : client.POST(`${path}/reassign`, options));
  });
}

export function useRename() {
  return useUndoableChange(({ id, name }: { id: number; name: string }) =>
    data(
      client.PATCH("/api/v1/speakers/{speaker_id}/rename", { params: { path: { speaker_id: id } }, body: { new_name: name } }),
    ),
  );
}

export function useMerge() {
  return useUndoableChange(({ id, into }: { id: number; into: number }) =>
    data(client.POST("/api/v1/speakers/{speaker_id}/merge", { params: { path: { speaker_id: id } }, body: { into } })),
  );
}

/** Say that two speakers are different people, or take that back. */
export function useDistinct() {
  return useSpeakerChange(({ id, other, distinct }: { id: number; other: number; distinct: boolean }) => {
    const options = { params: { path: { speaker_id: id, other_id: other } } };
    const path = "/api/v1/speakers/{speaker_id}/distinct/{other_id}";
    return data<unknown>(distinct ? client.PUT(path, options) : client.DELETE(path, options));
  });
}

export function useDeleteSpeaker() {
  return useUndoableChange((id: number) =>
    data(client.DELETE("/api/v1/speakers/{speaker_id}", { params: { path: { speaker_id: id } } })),
  );
}

export function useDeleteUnknown() {
  return useSpeakerChange(() => data(client.DELETE("/api/v1/speakers/unknown/all")));
}

export function useEraseSpeaker() {
  return useSpeakerChange((id: number) =>
    data(client.POST("/api/v1/speakers/{speaker_id}/erase", { params: { path: { speaker_id: id } } })),
  );
}

/** Undo a change. The application refuses with 409 where another was made since. */
export function useUndoSpeakerChange() {
  return useSpeakerChange((change: number) => data(client.POST("/api/v1/speakers/undo", { params: { query: { change } } })));
}

/** Enroll a new speaker by a sample of the voice, or add a sample to a speaker. */
export function useEnroll() {
  return useSpeakerChange(({ who, sample }: { who: number | string; sample: Blob }) => {
    const form = new FormData();
    form.append("audio_file", sample, sample instanceof File ? sample.name : "sample.webm");
    const send = { bodySerializer: () => form };
    if (typeof who === "number") {
      const options = { params: { path: { speaker_id: who } }, body: { audio_file: "" }, ...send };
      return data(client.POST("/api/v1/speakers/{speaker_id}/samples", options));
    }
    form.append("name", who);
    return data(client.POST("/api/v1/speakers/enroll", { body: { name: who, audio_file: "" }, ...send }));
  });
}
