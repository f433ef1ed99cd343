/** The messages of the live protocol (docs/live.md) that the page uses. */

export interface StartMessage {
  type: "start";
  encoding: "int16";
  sample_rate: number;
  partials: true;
  speaker_update: true;
  resumable: true;
  language?: string;
  title?: string;
  num_speakers?: number;
  hotwords?: string;
  conversation_id?: number;
  resume_token?: string;
}

interface Speaker {
  segment_id: number;
  speaker_id: number | null;
  speaker_name: string;
}

export interface SegmentData extends Speaker {
  text: string;
  start_offset: number;
  end_offset: number;
  emotion_category: string | null;
  emotion_confidence: number | null;
}

export interface PartialData {
  text: string;
  stable: string;
  start_offset: number;
}

export interface CompletedData {
  conversation_id: number;
  num_segments: number;
  num_speakers: number;
  duration: number;
  message: string;
  concatenation_status: "success" | "empty";
}

export type ServerMessage =
  | { type: "started"; data: { conversation_id: number; total_audio_seconds?: number; resume_token?: string } }
  | { type: "status"; data: { vad_active: boolean; stats: { total_audio_seconds: number } } }
  | { type: "segment"; data: SegmentData }
  | { type: "partial"; data: PartialData }
  | { type: "speaker_update"; data: { segments: Speaker[] } }
  | { type: "completed"; data: CompletedData }
  | { type: "error"; data: { message: string } };

/** Messages of types that a newer server may send are skipped by the reader's `switch`. */
export function parse(text: string): ServerMessage {
  return JSON.parse(text) as ServerMessage;
}
