import { client, data, type Schemas } from "./client";

export type Segment = Schemas["Segment"];
export type Word = Schemas["Word"];

export type SegmentPage = Schemas["Segments"];

/** A page of the transcript. */
export function readSegments(
  conversationId: number,
  { skip, limit, words }: { skip: number; limit: number; words: boolean },
  signal: AbortSignal,
): Promise<SegmentPage> {
  const query = { skip, limit, word_timestamps: words };
  const path = { conversation_id: conversationId };
  return data(client.GET("/api/v1/conversations/{conversation_id}/segments", { params: { path, query }, signal }));
}
