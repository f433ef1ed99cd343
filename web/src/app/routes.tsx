import { createBrowserRouter } from "react-router";

import { Loading } from "@/components/Loading";

import { Failure, NotFound } from "./Failure";
import { Shell } from "./Shell";

/** The archive and a conversation are what most visits need; each screen is a file of its own that is loaded when it is shown. */
export const router = createBrowserRouter([
  {
    path: "/",
    element: <Shell />,
    hydrateFallbackElement: <Loading />,
    errorElement: <Failure />,
    children: [
      { index: true, lazy: async () => ({ Component: (await import("@/screens/archive/Archive")).Archive }) },
      { path: "c/:id", lazy: async () => ({ Component: (await import("@/screens/conversation/Conversation")).Conversation }) },
      { path: "live", lazy: async () => ({ Component: (await import("@/screens/live/Live")).Live }) },
      { path: "people", lazy: async () => ({ Component: (await import("@/screens/people/People")).People }) },
      { path: "settings/:section?", lazy: async () => ({ Component: (await import("@/screens/settings/Settings")).Settings }) },
      { path: "*", element: <NotFound /> },
    ],
  },
]);
