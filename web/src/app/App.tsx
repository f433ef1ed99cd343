import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { RouterProvider } from "react-router";

import { useMessages } from "@/components/toast";
import { handleKey } from "@/lib/keyboard";
import { applyTheme } from "@/lib/theme";

import { queryClient } from "./queryClient";
import { router } from "./routes";

const Toaster = lazy(async () => ({ default: (await import("@/components/Toaster")).Toaster }));

applyTheme();

export function App() {
  useEffect(() => {
    window.addEventListener("keydown", handleKey);
    return () => window.removeEventListener("keydown", handleKey);
  }, []);
  return (
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
      <Messages />
    </QueryClientProvider>
  );
}

function Messages() {
  const messages = useMessages();
  return (
    messages.length > 0 && (
      <Suspense>
        <Toaster messages={messages} />
      </Suspense>
    )
  );
}
