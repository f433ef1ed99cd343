import { lazy, Suspense } from "react";
import { NavLink, Outlet, ScrollRestoration } from "react-router";

import { useConnectionLost, useEvents } from "@/api/events";
import { useLogin } from "@/api/me";
import { cx } from "@/components/cx";
import { Icon, type IconName } from "@/components/Icon";
import { Loading } from "@/components/Loading";
import { useCommonText } from "@/i18n/common";
import { useStore } from "@/lib/store";
import { staying } from "@/lib/unsent";

import { KeyboardHelp } from "./KeyboardHelp";
import { queryClient } from "./queryClient";

const Login = lazy(async () => ({ default: (await import("@/screens/login/Login")).Login }));

const PLACES = [
  { to: "/", name: "archive", icon: "archive" },
  { to: "/live", name: "live", icon: "microphone" },
  { to: "/people", name: "people", icon: "people" },
  { to: "/settings", name: "settings", icon: "settings" },
] as const satisfies readonly { to: string; name: string; icon: IconName }[];

/** The rail at the left, at the bottom on a phone, and the screen beside it; the login where one is required. */
export function Shell() {
  const text = useCommonText();
  const me = useLogin();
  const stays = useStore(staying) > 0;
  useEvents(queryClient);
  if (me.isPending) return <Loading />;
  if (me.data?.role === null && !stays) {
    return (
      <Suspense fallback={<Loading />}>
        <Login />
      </Suspense>
    );
  }
  return (
    <div className="flex min-h-dvh flex-col-reverse sm:flex-row">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:bg-panel focus:p-2"
      >
        {text.skip}
      </a>
      <nav
        aria-label={text.navigation}
        className={cx(
          "sticky bottom-0 z-20 flex h-15 shrink-0 items-center justify-around border-t border-line bg-background pb-[env(safe-area-inset-bottom)]",
          "sm:top-0 sm:h-dvh sm:w-16 sm:flex-col sm:justify-start sm:gap-1.5 sm:border-t-0 sm:border-r sm:py-3.5",
        )}
      >
        <span aria-hidden="true" className="hidden pb-3 font-serif text-2xl font-bold text-accent italic sm:block">
          v
        </span>
        {PLACES.map(({ to, name, icon }) => (
          <NavLink
            key={to}
            title={text[name]}
            to={to}
            end={to === "/"}
            aria-label={text[name]}
            className="grid h-10.5 w-10.5 place-items-center rounded-button text-muted hover:bg-soft aria-[current=page]:bg-soft aria-[current=page]:text-ink"
          >
            <Icon name={icon} />
          </NavLink>
        ))}
      </nav>
      <main id="content" tabIndex={-1} className="min-w-0 grow outline-none">
        <ConnectionLost />
        <Outlet />
      </main>
      <KeyboardHelp />
      <ScrollRestoration />
    </div>
  );
}

/** Says that what is shown may be old. */
function ConnectionLost() {
  const text = useCommonText();
  if (!useConnectionLost()) return null;
  return (
    <p role="alert" className="sticky top-0 z-20 border-b border-line bg-soft px-4 py-2 text-center">
      {text.connectionLost}
    </p>
  );
}
