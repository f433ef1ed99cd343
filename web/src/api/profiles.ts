import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { API, client, data, type Schemas } from "./client";
import { readAgain } from "./readAgain";
import { voiceSettingsKey } from "./settings";
import { speakersChanged } from "./speakers";

export type Profile = Schemas["ListedProfile"];
export type Checkpoint = Schemas["ListedCheckpoint"];

const profilesKey = ["profiles"] as const;
const checkpointsKey = (name: string) => [...profilesKey, name, "checkpoints"] as const;

export const DOWNLOAD_ALL = `${API}/profiles/download-all`;

export function downloadAddress(name: string): string {
  return `${API}/profiles/download/${encodeURIComponent(name)}`;
}

export function useProfiles() {
  return useQuery({ queryKey: profilesKey, queryFn: () => data(client.GET("/api/v1/profiles")) });
}

export function useCheckpoints(name: string) {
  return useQuery({
    queryKey: checkpointsKey(name),
    queryFn: () => data(client.GET("/api/v1/profiles/{name}/checkpoints", { params: { path: { name } } })),
  });
}

/** A change of profiles, after which they are read again. */
function useProfileChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => queries.invalidateQueries({ queryKey: profilesKey }) });
}

/** Save the present speakers as a new profile. */
export function useCreateProfile() {
  return useProfileChange((body: { name: string; description: string }) =>
    data(client.POST("/api/v1/profiles/duplicate", { body })),
  );
}

/** Replace the contents of a profile by the present speakers. */
export function useUpdateProfile() {
  return useProfileChange(({ name, description }: Profile) =>
    data(client.PATCH("/api/v1/profiles/{name}", { params: { path: { name } }, body: { description } })),
  );
}

export function useDeleteProfile() {
  return useProfileChange((name: string) => data(client.DELETE("/api/v1/profiles/{name}", { params: { path: { name } } })));
}

export function useCreateCheckpoint() {
  return useProfileChange((name: string) =>
    data(client.POST("/api/v1/profiles/{name}/checkpoints", { params: { path: { name } } })),
  );
}

export function useDeleteCheckpoint() {
  return useProfileChange(({ profile_name, timestamp }: Checkpoint) =>
    data(
      client.DELETE("/api/v1/profiles/{name}/checkpoints/{timestamp}", {
        params: { path: { name: profile_name, timestamp } },
      }),
    ),
  );
}

export function useImportProfile() {
  return useProfileChange((file: File) => {
    const form = new FormData();
    form.append("file", file, file.name);
    return data(client.POST("/api/v1/profiles/import", { body: { file: "" }, bodySerializer: () => form }));
  });
}

/** Replace all speakers and the voice settings by those of a file of a profile or a checkpoint. */
export function useRestoreProfile() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (filename: string) => data(client.POST("/api/v1/profiles/restore", { params: { query: { filename } } })),
    onSuccess: () => Promise.all([speakersChanged(queries), readAgain(queries, profilesKey, voiceSettingsKey)]),
  });
}
