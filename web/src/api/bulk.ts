import { client, data, type Schemas } from "./client";

/** Conversations of one request. */
const MAX_IDS = 500;

type Change = Pick<Schemas["BulkChange"], "action"> & { tags?: string[] };

/** Change many conversations; the answer has those that could not be changed, with the reason. `keepalive`: while the page is left. */
export async function changeMany(ids: readonly number[], change: Change, keepalive = false): Promise<Schemas["BulkOutcome"][]> {
  const requests = portions(ids).map((portion) =>
    data(client.POST("/api/v1/conversations/bulk", { body: { tags: [], ...change, ids: portion }, keepalive })),
  );
  const answers = await Promise.all(requests);
  return answers.flatMap(({ results }) => results.filter(({ error }) => error !== null));
}

export type TranscriptFormat = Schemas["ExportRequest"]["format"];

/** The transcripts as ZIP archives, of 500 conversations each. */
export async function exportMany(ids: readonly number[], format: TranscriptFormat): Promise<Blob[]> {
  const requests = portions(ids).map((portion) =>
    data<unknown>(client.POST("/api/v1/conversations/export", { body: { ids: portion, format }, parseAs: "blob" })),
  );
  return (await Promise.all(requests)) as Blob[];
}

function portions(ids: readonly number[]): number[][] {
  const count = Math.ceil(ids.length / MAX_IDS);
  return Array.from({ length: count }, (_, i) => ids.slice(i * MAX_IDS, (i + 1) * MAX_IDS));
}
