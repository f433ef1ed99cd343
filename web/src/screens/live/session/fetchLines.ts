import { client, data } from "@/api/client";

import { type Line, lineOf } from "./lines";

/** The stored lines of a conversation. `begins`: seconds in the recording at which the conversation begins. */
export async function fetchLines(conversationId: number, begins: number): Promise<Line[]> {
  const { segments } = await data(
    client.GET("/api/v1/conversations/{conversation_id}", { params: { path: { conversation_id: conversationId } } }),
  );
  return segments.map(({ id, text, speaker_name, ...rest }) =>
    lineOf({ ...rest, segment_id: id, text: text ?? "", speaker_name: speaker_name ?? "" }, conversationId, begins),
  );
}
