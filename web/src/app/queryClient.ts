import { QueryCache, QueryClient } from "@tanstack/react-query";

import { ApiError } from "@/api/client";
import { meKey } from "@/api/me";

/** Reads are refreshed by the application's events, so that they need not be repeated when the window gets the focus. */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      if (error instanceof ApiError && error.status === 401) void queryClient.invalidateQueries({ queryKey: meKey });
    },
  }),
  defaultOptions: {
    // The application may run on this machine: without the internet it answers all the same.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500),
    },
  },
});
