import { useQuery } from "@tanstack/react-query";

import { API, ApiError, client, data } from "./client";

/** Peaks of a whole recording: enough for a wide screen. */
const MAX_PEAKS = 4000;
const MAX_PEAKS_PER_SECOND = 50;
/** The server computes those of a long recording for some minutes. */
const COMPUTING = 503;
const MAX_RETRIES = 40;
const RETRY_MS = 15_000;

export const recordingUrl = (conversationId: number) => `${API}/conversations/${conversationId}/audio`;

/** How loud each stretch of the recording is, 0 to 255. */
export function usePeaks(id: number, duration: number | null) {
  return useQuery({
    queryKey: ["peaks", id],
    queryFn: ({ signal }) =>
      data(
        client.GET("/api/v1/conversations/{conversation_id}/peaks", {
          params: {
            path: { conversation_id: id },
            query: { per_second: Math.max(0.01, Math.min(MAX_PEAKS_PER_SECOND, MAX_PEAKS / (duration ?? 1))) },
          },
          signal,
        }),
      ),
    enabled: duration !== null && duration > 0,
    staleTime: Infinity,
    retry: (failures, error) => error instanceof ApiError && error.status === COMPUTING && failures < MAX_RETRIES,
    retryDelay: RETRY_MS,
  });
}
