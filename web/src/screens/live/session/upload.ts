import { client, data } from "@/api/client";
import type { Unfinished } from "@/lib/recording/unfinishedStore";
import { wav } from "@/lib/recording/wav";

/** Process samples as a recording of its own, where no live conversation takes them any more. Returns the conversation's id. */
export async function upload({ options, rate, startedAt }: Unfinished, samples: Int16Array<ArrayBuffer>): Promise<number> {
  const form = new FormData();
  const name = options.title || startedAt.slice(0, 16).replace("T", " ").replace(":", ".");
  form.set("audio_file", wav(samples, rate), `${name}.wav`);
  if (options.language) form.set("language", options.language);
  if (options.numSpeakers) form.set("num_speakers", String(options.numSpeakers));
  if (options.hotwords) form.set("hotwords", options.hotwords);
  const accepted = await data(
    client.POST("/api/v1/process", {
      params: { query: { wait: false } },
      body: { audio_file: "", word_timestamps: true, channels: "mix" } as never,
      bodySerializer: () => form,
    }),
  );
  return accepted.id;
}
