/** What changes on the server, so that the page reads it again: one stream for all screens. */
import { hashKey, type QueryClient, type QueryKey } from "@tanstack/react-query";
import { useEffect } from "react";

import { Store, useStore } from "@/lib/store";

import { API, type Schemas } from "./client";
import { type Change, invalidated } from "./invalidations";
import { type Job, jobKeys, withJob } from "./jobs";
import { meKey, useMe } from "./me";
import { progressKey } from "./progress";
import { invalidate, readAgain } from "./readAgain";

/** Between two readings of what changes all the time. */
const COLLECT_MS = 500;
/** Where the stream is refused, as when too many clients follow it. */
const RETRY_MS = 10_000;
/** Browsers open six connections to a server for all tabs: one that nobody looks at gives its own back. */
const HIDDEN_MS = 30_000;
/** A restart of the server is no reason to alarm anybody. */
const PATIENCE_MS = 4000;

const lost = new Store(false);

/** Whether the application has not answered for a while. */
export function useConnectionLost(): boolean {
  return useStore(lost);
}

/** Keep up to date what the page shows. Once, where the reader is logged in. */
export function useEvents(queries: QueryClient): void {
  const role = useMe().data?.role;
  useEffect(() => {
    if (!role) return;
    const stream = new Stream(queries);
    return () => stream.end();
  }, [queries, role]);
}

/** Reads again what changes, while the page is seen. Exported for its tests. */
export class Stream {
  private source: EventSource | undefined;
  private readonly due = new Map<string, QueryKey>();
  private flushing: ReturnType<typeof setTimeout> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private alarm: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly queries: QueryClient) {
    document.addEventListener("visibilitychange", this.onVisibility);
    if (!document.hidden) this.open(); // in the background it needs no connection before it is seen
  }

  end(): void {
    document.removeEventListener("visibilitychange", this.onVisibility);
    clearTimeout(this.flushing);
    this.close();
    lost.set(false);
  }

  private open(): void {
    clearTimeout(this.timer);
    const source = new EventSource(`${API}/events`);
    this.source = source;
    source.addEventListener("resync", this.onResync);
    for (const name of ["conversation", "job", "speakers"]) {
      source.addEventListener(name, ({ data }: MessageEvent<string>) => this.onChange(JSON.parse(data) as Change));
    }
    source.onerror = () => this.onError(source);
  }

  private close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.alarm);
    this.alarm = undefined;
    this.source?.close();
    this.source = undefined;
  }

  private readonly onVisibility = () => {
    clearTimeout(this.timer);
    if (document.hidden) {
      this.timer = setTimeout(() => this.close(), HIDDEN_MS);
    } else if (this.source?.readyState !== EventSource.OPEN) {
      this.close();
      this.open();
    }
  };

  /** Changes before it were not reported: what was read before is read again, also who is logged in. */
  private readonly onResync = () => {
    clearTimeout(this.alarm);
    this.alarm = undefined;
    lost.set(false);
    void invalidate(this.queries);
  };

  private onError(source: EventSource): void {
    this.alarm ??= setTimeout(() => lost.set(true), PATIENCE_MS);
    if (source.readyState !== EventSource.CLOSED) return; // the browser connects again
    if (document.hidden) {
      this.close(); // opened again when the page is seen
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      void this.queries.invalidateQueries({ queryKey: meKey }); // perhaps the session has ended
      this.open();
    }, RETRY_MS);
  }

  private onChange(change: Change): void {
    if (change.type === "job" && change.kind !== "summary") this.onJob(change);
    if (change.type === "conversation") {
      const { id, status, stage = null, progress, error = null } = change;
      if (status != null) {
        const known: Schemas["Progress"] = { id, status, stage, progress: progress ?? 0, error };
        this.set(progressKey(id), () => known);
      }
    }
    for (const key of invalidated(change, this.queries)) this.due.set(hashKey(key), key);
    if (!this.due.size) return;
    this.flushing ??= setTimeout(() => {
      this.flushing = undefined;
      const keys = [...this.due.values()];
      this.due.clear();
      void readAgain(this.queries, ...keys);
    }, COLLECT_MS);
  }

  private onJob(job: Job): void {
    this.set<Job[]>(jobKeys.active, (jobs) => jobs && withJob(jobs, job));
  }

  /** What is being read may be older: it is read again. */
  private set<T>(key: QueryKey, change: (known: T | undefined) => T | undefined): void {
    if (this.queries.isFetching({ queryKey: key, exact: true })) this.due.set(hashKey(key), key);
    this.queries.setQueryData<T>(key, change);
  }
}
