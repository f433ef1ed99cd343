import { API, ApiError, type Schemas, sentence } from "./client";

export type Answer = Schemas["ArchiveAnswer"];
export type AnswerStatement = Schemas["AnswerStatement"];

/** Ask the archive; `onStatement` gets each statement as soon as it is written. */
export async function ask(question: string, onStatement: (one: AnswerStatement) => void, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(`${API}/ask`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify({ question }),
    signal,
  });
  if (!response.ok || !response.body) {
    throw new ApiError(sentence(await response.json().catch(() => null), response), response.status);
  }
  let answer: Answer | undefined;
  await readEvents(response.body, (event, body) => {
    if (event === "statement") onStatement(body as AnswerStatement);
    if (event === "answer") answer = body as Answer;
    if (event === "error") throw new ApiError(sentence(body, response), 502);
  });
  if (!answer) throw new ApiError("The answer ended before it was complete. Ask again.", 0);
  return answer;
}

async function readEvents(body: ReadableStream<Uint8Array>, onEvent: (event: string, body: unknown) => void): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  const parser = new EventParser(onEvent);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    parser.push(value);
  }
}

/** Server-sent events with JSON, of text that arrives in pieces. */
export class EventParser {
  private rest = "";

  constructor(private readonly onEvent: (event: string, body: unknown) => void) {}

  push(piece: string): void {
    const blocks = (this.rest + piece).replaceAll("\r\n", "\n").split("\n\n");
    this.rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = block.split("\n").map((line) => line.split(/:\s?(.*)/s, 2));
      const event = fields.find(([name]) => name === "event")?.[1];
      const written = fields.filter(([name]) => name === "data").map(([, value]) => value ?? "");
      if (event && written.length) this.onEvent(event, JSON.parse(written.join("\n")));
    }
  }
}
