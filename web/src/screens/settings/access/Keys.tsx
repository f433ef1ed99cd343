import { useState } from "react";

import { type Key, useKeys, useRevokeKey } from "@/api/access";
import { Button } from "@/components/Button";
import { Confirm } from "@/components/Confirm";
import { Icon } from "@/components/Icon";
import { toast } from "@/components/toast";
import { useLocale } from "@/i18n/language";
import { useAccessText } from "@/i18n/access";
import { dayInSentence } from "@/lib/time";

import { Part, ROW, ROWS } from "../Part";
import { KeyDialog } from "./KeyDialog";
import { keyState } from "./keyState";

/** The API keys of the installation. */
export function Keys() {
  const text = useAccessText();
  const keys = useKeys();
  const [creating, setCreating] = useState(false);
  const [all, setAll] = useState(false);
  const found = keys.data?.keys.toReversed() ?? [];
  const valid = found.filter((key) => keyState(key) === "valid");
  const shown = all ? found : valid;
  const actions = (
    <Button onClick={() => setCreating(true)}>
      <Icon name="plus" size={18} />
      {text.createKey}
    </Button>
  );
  return (
    <Part title={text.keys} hint={text.keysHint} failure={keys.error} actions={actions}>
      {keys.data && shown.length === 0 && <p className="text-muted">{text.noKeys}</p>}
      {shown.length > 0 && (
        <ul aria-label={text.keys} className={ROWS}>
          {shown.map((key) => (
            <KeyRow key={key.id} apiKey={key} />
          ))}
        </ul>
      )}
      {!all && valid.length < found.length && (
        <Button kind="quiet" size="small" className="mt-2" onClick={() => setAll(true)}>
          {text.showEnded}
        </Button>
      )}
      {creating && <KeyDialog close={() => setCreating(false)} />}
    </Part>
  );
}

function KeyRow({ apiKey }: { apiKey: Key }) {
  const text = useAccessText();
  const locale = useLocale();
  const [asking, setAsking] = useState(false);
  const revoke = useRevokeKey();
  const { name, prefix, role, person, expires_at, last_used_at } = apiKey;
  const state = keyState(apiKey);
  const about = [
    text[role],
    ...(person === null ? [] : [text.owner(person)]),
    last_used_at === null ? text.notUsed : text.lastUsed(dayInSentence(last_used_at, locale)),
    ...(state !== "valid" ? [text[state]] : expires_at === null ? [] : [text.expires(dayInSentence(expires_at, locale))]),
  ];
  return (
    <li className={ROW}>
      <div className="min-w-40 flex-1">
        <p className="break-words">
          <span className="font-medium">{name}</span> <code className="text-[13px] text-muted">{prefix}…</code>
        </p>
        <p className="text-[13px] text-muted">{about.join(" · ")}</p>
      </div>
      {state === "valid" && (
        <Button size="small" aria-label={text.revokeKey(name)} onClick={() => setAsking(true)}>
          {text.revoke}
        </Button>
      )}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={text.revokeTitle(name)}
        description={text.revokeHint}
        action={text.revoke}
        run={async () => {
          await revoke.mutateAsync(apiKey.id);
          toast(text.revokedNow(name));
        }}
      />
    </li>
  );
}
