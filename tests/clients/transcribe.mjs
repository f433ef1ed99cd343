// Transcribes by the official `openai` package for TypeScript, and by the AI SDK, which validates answers by schemas of its own.
// Arguments: the base URL and an API key. Reads a recording in base64 as JSON; writes what both found.
import { readFileSync } from "node:fs";
import { createOpenAI } from "@ai-sdk/openai";
import { experimental_transcribe as transcribe } from "ai";
import OpenAI, { toFile } from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const bytes = Buffer.from(JSON.parse(readFileSync(0, "utf8")), "base64");
const sample = `data:audio/wav;base64,${bytes.toString("base64")}`;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const found = { formats: {}, events: [], errors: {} };

async function create(fields) {
  const file = await toFile(bytes, "call.wav");
  return client.audio.transcriptions.create({ file, model: "whisper-1", ...fields });
}

found.models = (await client.models.list()).data.map((model) => model.id);
for (const response_format of ["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]) {
  const timestamps = response_format === "verbose_json" ? { timestamp_granularities: ["word", "segment"] } : {};
  found.formats[response_format] = await create({ response_format, ...timestamps });
}
for await (const event of await create({ stream: true, response_format: "diarized_json" })) found.events.push(event);
const known = { known_speaker_names: ["Ann"], known_speaker_references: [sample] };
found.known = (await create({ response_format: "diarized_json", ...known })).segments[0].speaker;
for (const fields of [{ model: "gpt-5" }, { temperature: 2 }]) {
  try {
    await create(fields);
  } catch (error) {
    found.errors[error.constructor.name] = { status: error.status, code: error.code, param: error.param, type: error.type };
  }
}

const sdk = createOpenAI({ baseURL, apiKey });
const providerOptions = { openai: { timestampGranularities: ["word", "segment"] } };
for (const name of ["whisper-1", "gpt-4o-transcribe"]) {
  const model = sdk.transcription(name);
  const options = name === "whisper-1" ? { providerOptions } : {};
  const { text, segments, language, durationInSeconds } = await transcribe({ model, audio: bytes, ...options });
  found[name] = { text, segments, language, durationInSeconds };
}
process.stdout.write(JSON.stringify(found));
