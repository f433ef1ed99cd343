import type { Emotion } from "@/lib/emotion";

import { client, data, type Schemas } from "./client";

export type Edited = Schemas["Edited"];
export type Replaced = Schemas["Replaced"];
export type Corrected = Schemas["Corrected"];

interface Place {
  conversationId: number;
  segmentId: number;
}

const SEGMENT = "/api/v1/conversations/{conversation_id}/segments/{segment_id}";
const path = ({ conversationId, segmentId }: Place) => ({ conversation_id: conversationId, segment_id: segmentId });

/** `expected`: the text that was read. The application refuses with 409 where it is another by now. */
export function setText(place: Place, text: string, expected: string): Promise<Edited> {
  return data(client.PATCH(SEGMENT, { params: { path: path(place) }, body: { text, expected_text: expected } }));
}

/** `word`: the index of the first word of the second part. */
export function splitSegment(place: Place, word: number, expected: string): Promise<Edited> {
  return data(client.POST(`${SEGMENT}/split`, { params: { path: path(place) }, body: { word, expected_text: expected } }));
}

/** Join a segment with the next one. */
export function joinSegment(place: Place): Promise<Edited> {
  return data(client.POST(`${SEGMENT}/join`, { params: { path: path(place) } }));
}

export function deleteSegment(place: Place): Promise<Edited> {
  return data(client.DELETE(SEGMENT, { params: { path: path(place) } }));
}

/** Undo the last change of the transcript. The application refuses with 409 where that is not `change`. */
export function undoEdit(conversationId: number, change?: number): Promise<Edited> {
  const params = { path: { conversation_id: conversationId }, query: { change } };
  return data(client.POST("/api/v1/conversations/{conversation_id}/undo", { params }));
}

export function redoEdit(conversationId: number): Promise<Edited> {
  const params = { path: { conversation_id: conversationId } };
  return data(client.POST("/api/v1/conversations/{conversation_id}/redo", { params }));
}

export function replaceWords(conversationId: number, body: Schemas["Replace"]): Promise<Replaced> {
  const params = { path: { conversation_id: conversationId } };
  return data(client.POST("/api/v1/conversations/{conversation_id}/replace", { params, body }));
}

/** `learn`: the speaker's profile of the emotion learns from it. */
export function correctEmotion(place: Place, emotion: Emotion, learn: boolean): Promise<Corrected> {
  return data(
    client.POST(`${SEGMENT}/correct-emotion`, { params: { path: path(place) }, body: { corrected_emotion: emotion, learn } }),
  );
}
