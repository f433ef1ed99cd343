import type { Schemas } from "@/api/client";
import { useMay } from "@/api/me";
import { useCheckModel } from "@/api/summaries";
import { Button } from "@/components/Button";
import { useLocale } from "@/i18n/language";
import { useLanguageModelText } from "@/i18n/languageModel";

import { Part } from "../Part";

interface LanguageModelProps {
  model: string | null;
  server: string | null;
}

/** Which model it is and where it runs, and a button that tests it. */
export function LanguageModel({ model, server }: LanguageModelProps) {
  const text = useLanguageModelText();
  const mayTest = useMay("admin");
  const check = useCheckModel();
  const actions = model !== null && mayTest && (
    <Button disabled={check.isPending} onClick={() => check.mutate()}>
      {text.test}
    </Button>
  );
  return (
    <Part title={text.title} hint={text.hint} actions={actions}>
      {model === null ? (
        <p className="text-muted">{text.off}</p>
      ) : (
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-2">
          <dt className="text-muted">{text.model}</dt>
          <dd className="break-words">{model}</dd>
          <dt className="text-muted">{text.server}</dt>
          <dd className="break-words">{server}</dd>
        </dl>
      )}
      <div role="status" className="mt-4 empty:hidden">
        {check.isPending && text.testing}
        {check.isSuccess && check.data.error === null && <Result found={check.data} />}
      </div>
      {check.isError && <Failure>{check.error.message}</Failure>}
      {check.isSuccess && check.data.error !== null && <Failure>{check.data.error}</Failure>}
    </Part>
  );
}

function Failure({ children }: { children: string }) {
  return (
    <p role="alert" className="mt-4 break-words text-danger">
      {children}
    </p>
  );
}

function Result({ found }: { found: Schemas["LanguageModelCheck"] }) {
  const text = useLanguageModelText();
  const locale = useLocale();
  const { seconds, json_schema, context_tokens, context_source } = found;
  const duration = new Intl.NumberFormat(locale, { style: "unit", unit: "second", maximumFractionDigits: 1 });
  const sources = { setting: text.configured, server: text.reported, default: text.assumed };
  return (
    <>
      <p className="mb-2 font-medium">{text.works(duration.format(seconds))}</p>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-2">
        <dt className="text-muted">{text.schema}</dt>
        <dd>{json_schema ? text.enforced : text.notEnforced}</dd>
        {context_tokens !== null && context_source !== null && (
          <>
            <dt className="text-muted">{text.context}</dt>
            <dd>
              {text.tokens(context_tokens.toLocaleString(locale))}{" "}
              <span className="text-muted">({sources[context_source]})</span>
            </dd>
          </>
        )}
      </dl>
    </>
  );
}
