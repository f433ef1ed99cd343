import type { ReactNode } from "react";
import { Link } from "react-router";

import { ownerName, useMe } from "@/api/me";
import { cx } from "@/components/cx";
import { Icon } from "@/components/Icon";
import { useLiveText } from "@/i18n/live";
import { useSoundText } from "@/i18n/sound";
import { clock } from "@/lib/time";
import { useStore } from "@/lib/store";

import type { LiveSession } from "./session/liveSession";

/** What the user should know, or do, while recording. */
export function Notices({ session }: { session: LiveSession }) {
  const text = useLiveText();
  const problems = useSoundText();
  const state = useStore(session.state);
  const { phase, problem, fault, earlier } = state;
  const unsent = clock(Math.ceil(state.unsentSeconds));
  const over = phase === "finished" || phase === "refused";
  const nobody = useMe().data?.role === null;
  const loggedOut = (nobody || state.loggedOut) && !over;
  return (
    <div className="grid gap-2">
      {problem && <Notice urgent>{problems[problem]}</Notice>}
      {phase === "refused" && <Notice urgent>{text.refused}</Notice>}
      {loggedOut && <Notice urgent>{text.loggedOut(ownerName())}</Notice>}
      {state.connection === "lost" && !over && !loggedOut && <Notice>{text.lost(unsent)}</Notice>}
      {fault && <Notice urgent>{fault}</Notice>}
      {!state.kept && !over && <Notice urgent>{text.notKept}</Notice>}
      {state.silent && <Notice>{text.silent}</Notice>}
      {phase === "paused" && !problem && <Notice>{text.pausedHint}</Notice>}
      {phase === "finishing" && state.connection === "open" && (
        <Notice>{state.unsentSeconds > 0 ? text.sending(unsent) : text.determining}</Notice>
      )}
      {state.empty && <Notice>{text.emptyResult}</Notice>}
      {earlier.length > 0 && (
        <Notice>
          {text.parted}{" "}
          {earlier.map((id) => (
            <Link key={id} to={`/c/${id}`} className="mr-2 text-accent underline">
              {text.partedLink(id)}
            </Link>
          ))}
        </Notice>
      )}
    </div>
  );
}

function Notice({ urgent, children }: { urgent?: boolean; children: ReactNode }) {
  return (
    <div
      role={urgent ? "alert" : "status"}
      className={cx("flex gap-2.5 rounded-button border px-3.5 py-2.5", urgent ? "border-danger" : "border-line bg-panel")}
    >
      <span className={urgent ? "text-danger" : "text-muted"}>
        <Icon name={urgent ? "warning" : "info"} />
      </span>
      <p>{children}</p>
    </div>
  );
}
