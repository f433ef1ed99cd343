import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";

export type Job = Schemas["Job"];

export const jobKeys = {
  all: ["jobs"] as const,
  active: ["jobs", "active"] as const,
  failed: ["jobs", "failed"] as const,
};

const MAX_JOBS = 200;

async function withState(...states: Job["state"][]): Promise<Job[]> {
  const lists = states.map((state) => data(client.GET("/api/v1/jobs", { params: { query: { state, limit: MAX_JOBS } } })));
  return (await Promise.all(lists)).flatMap(({ jobs }) => jobs);
}

/** Those that run first, then in order of arrival. */
function inOrder(jobs: readonly Job[]): Job[] {
  return jobs.toSorted((a, b) => Number(b.state === "running") - Number(a.state === "running") || a.id - b.id);
}

/** The active jobs after one of them has changed. */
export function withJob(jobs: readonly Job[], job: Job): Job[] {
  const others = jobs.filter(({ id }) => id !== job.id);
  return job.finished_at === null ? inOrder([...others, job]) : others;
}

/** Jobs that run or wait. */
export function useActiveJobs() {
  return useQuery({
    queryKey: jobKeys.active,
    queryFn: async () => inOrder(await withState("running", "queued")),
  });
}

/** The latest jobs that failed or were cancelled, by their conversation. */
export function useEndedJobs(enabled: boolean) {
  return useQuery({
    queryKey: jobKeys.failed,
    queryFn: async () => {
      const jobs = await withState("failed", "cancelled");
      return new Map(jobs.toSorted((a, b) => a.id - b.id).map((job) => [job.conversation_id, job]));
    },
    enabled,
  });
}

export function cancelJob(id: number) {
  return data(client.POST("/api/v1/jobs/{job_id}/cancel", { params: { path: { job_id: id } } }));
}

export function retryJob(id: number) {
  return data(client.POST("/api/v1/jobs/{job_id}/retry", { params: { path: { job_id: id } } }));
}

/** A page of jobs in one state, newest first; the first page is 0. */
export function useJobs(state: Job["state"], page: number, pageSize: number) {
  return useQuery({
    queryKey: [...jobKeys.all, "list", state, page],
    queryFn: () => data(client.GET("/api/v1/jobs", { params: { query: { state, skip: page * pageSize, limit: pageSize } } })),
    placeholderData: keepPreviousData,
  });
}
