import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Stream } from "./events";

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
