import { QueryClient, type QueryKey, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Stream } from "./events";
import { jobKeys } from "./jobs";
import { meKey } from "./me";

/** A browser's connections, which the tests let through or refuse. */
class Connection extends EventTarget {
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static readonly all: Connection[] = [];
  readyState = 0;
  onerror: (() => void) | null = null;

  constructor() {
    super();
    Connection.all.push(this);
  }

  accept(): void {
    this.readyState = Connection.OPEN;
    this.dispatchEvent(new Event("resync"));
  }

  refuse(): void {
    this.close();
    this.onerror?.();
  }

  close(): void {
    this.readyState = Connection.CLOSED;
  }
}

const page = Object.assign(new EventTarget(), { hidden: false });
const queries = new QueryClient();
let stream: Stream | undefined;

function begin(hidden: boolean): void {
  page.hidden = hidden;
  stream = new Stream(queries);
}

function show(hidden: boolean): void {
  page.hidden = hidden;
  page.dispatchEvent(new Event("visibilitychange"));
}

const used = () => Connection.all.filter(({ readyState }) => readyState !== Connection.CLOSED).length;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", page);
  vi.stubGlobal("EventSource", Connection);
  Connection.all.length = 0;
});

afterEach(() => {
  stream?.end();
  queries.clear();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** A query that is shown; each of its readings takes 100 ms. */
function observed(queryKey: QueryKey) {
  const read = vi.fn(() => new Promise((answer) => setTimeout(answer, 100, [])));
  const unsubscribe = new QueryObserver(queries, { queryKey, queryFn: read, retry: false }).subscribe(() => undefined);
  return { read, unsubscribe };
}

describe("the stream of what changes", () => {
  it("opens with the page", () => {
    begin(false);
    expect(used()).toBe(1);
  });

  it("takes no connection of a page that was opened in the background, and reads all again when it is seen", () => {
    begin(true);
    expect(used()).toBe(0);
    queries.setQueryData(["conversations"], []);
    vi.advanceTimersByTime(60_000);
    queries.setQueryData(["speakers"], []); // read in the background, later than the page was opened
    show(false);
    expect(used()).toBe(1);
    Connection.all[0]?.accept();
    for (const key of ["conversations", "speakers"]) expect(queries.getQueryState([key])?.isInvalidated).toBe(true);
  });

  it("has read again what was read before it opened, as a change may have come between", async () => {
    begin(false);
    vi.advanceTimersByTime(50);
    queries.setQueryData(["conversation", 7], "older");
    const { read, unsubscribe } = observed(["jobs"]);
    Connection.all[0]?.accept(); // while the jobs are being read
    expect(queries.getQueryState(["conversation", 7])?.isInvalidated).toBe(true);
    expect(read).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(250);
    expect(read).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(read).toHaveBeenCalledTimes(2);
    unsubscribe();
  });

  it("reads again who is logged in when it opens after a loss", () => {
    begin(false);
    Connection.all[0]?.accept();
    queries.setQueryData(meKey, "ana");
    Connection.all[0]?.dispatchEvent(new Event("resync")); // the browser has connected again
    expect(queries.getQueryState(meKey)?.isInvalidated).toBe(true);
  });

  it("has jobs read again that were being read when one of them changed", async () => {
    begin(false);
    const [connection] = Connection.all;
    connection?.accept();
    queries.setQueryData(jobKeys.active, []);
    const { read, unsubscribe } = observed(jobKeys.active);
    expect(read).toHaveBeenCalledOnce();
    const job = { type: "job", id: 1, kind: "recording", state: "queued", finished_at: null };
    connection?.dispatchEvent(new MessageEvent("job", { data: JSON.stringify(job) }));
    expect(queries.getQueryData(jobKeys.active)).toMatchObject([{ id: 1 }]);
    await vi.advanceTimersByTimeAsync(700);
    expect(read).toHaveBeenCalledTimes(2);
    unsubscribe();
  });

  it("gives its connection back when the page is hidden for long, and takes one when it is seen again", () => {
    begin(false);
    Connection.all[0]?.accept();
    show(true);
    vi.advanceTimersByTime(29_000);
    expect(used()).toBe(1);
    vi.advanceTimersByTime(2000);
    expect(used()).toBe(0);
    show(false);
    expect(used()).toBe(1);
  });

  it("is tried again while the page is seen", () => {
    begin(false);
    Connection.all[0]?.refuse();
    vi.advanceTimersByTime(11_000);
    expect(used()).toBe(1);
  });

  it("stays open for a page that is seen, where it was refused while the page was hidden", () => {
    begin(false);
    Connection.all[0]?.accept();
    show(true);
    vi.advanceTimersByTime(5000);
    Connection.all[0]?.refuse();
    vi.advanceTimersByTime(15_000);
    show(false);
    Connection.all.at(-1)?.accept();
    vi.advanceTimersByTime(60_000);
    expect(used()).toBe(1);
  });
});
