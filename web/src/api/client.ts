import createClient from "openapi-fetch";

import type { components, paths } from "@/api/schema";

/** A type of the API, by the name that it has in the OpenAPI document. */
export type Schemas = components["schemas"];

export const API = "/api/v1";

/** The answer of the application to a request that it refused, or the reason why there was none. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(
    message: string,
    /** The HTTP status; 0 where the application could not be reached. */
    readonly status: number,
  ) {
    super(message);
  }
}

export const client = createClient<paths>({ baseUrl: "" });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer. Throws an `ApiError` for any other. */
export async function data<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("Vivavoce does not answer. Check that it is running.", 0);
  }
  if (!answer.response.ok) throw new ApiError(sentence(answer.error, answer.response), answer.response.status);
  return answer.data as T;
}

/** The sentence of an error's body: `detail` is a string, or a list of fields with a wrong form. */
export function sentence(body: unknown, response: { status: number }): string {
  const detail = typeof body === "object" && body !== null && "detail" in body ? body.detail : undefined;
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail)) {
    const faults = detail as Schemas["ValidationError"][];
    return faults.map(({ loc, msg }) => `${loc.at(-1) ?? "request"}: ${msg}`).join("; ");
  }
  return `The request failed with status ${response.status}.`;
}
