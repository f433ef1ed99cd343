import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";

import { API, client, data } from "@/api/client";
import { meKey, ownerName, samePerson, useMe } from "@/api/me";
import { Button } from "@/components/Button";
import { TextField } from "@/components/Field";
import { useTitle } from "@/components/Page";
import { useLoginText } from "@/i18n/login";
import { useStore } from "@/lib/store";
import { unsent } from "@/lib/unsent";

/** Instead of the application, where a login is required: a password, the OpenID provider, or both. */
export function Login() {
  const text = useLoginText();
  const methods = useMe().data?.login;
  const hasUnsent = useStore(unsent) > 0;
  useTitle(text.title);
  return (
    <main className="grid min-h-dvh grid-cols-[minmax(0,1fr)] place-items-center p-4">
      <div className="w-90 max-w-full rounded-panel border border-line bg-panel p-7">
        <p aria-hidden="true" className="font-serif text-3xl font-bold text-accent italic">
          v
        </p>
        <h1 className="mt-1 mb-5 text-title">{text.title}</h1>
        {hasUnsent && (
          <p role="status" className="mb-5">
            {text.unsent(ownerName())}
          </p>
        )}
        {methods?.openid && (
          <a
            href={`${API}/login/openid`}
            className="mb-5 flex h-11 items-center justify-center rounded-button border border-line font-medium hover:bg-soft"
          >
            {text.openid}
          </a>
        )}
        {methods?.password && <PasswordForm />}
        {methods && !methods.openid && !methods.password && <p className="text-muted">{text.noAccounts}</p>}
      </div>
    </main>
  );
}

function PasswordForm() {
  const text = useLoginText();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const login = useMutation({
    mutationFn: async () => samePerson(await data(client.POST("/api/v1/login", { body: { name, password } }))),
    onSuccess: (me) => queries.setQueryData(meKey, me),
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    login.mutate();
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      <TextField label={text.name} required autoComplete="username" value={name} onChange={setName} />
      <TextField
        label={text.password}
        error={login.error?.message}
        required
        type="password"
        autoComplete="current-password"
        value={password}
        onChange={setPassword}
      />
      <Button type="submit" kind="primary" size="large" disabled={login.isPending}>
        {text.submit}
      </Button>
    </form>
  );
}
