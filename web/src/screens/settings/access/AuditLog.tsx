import { useState } from "react";

import { AUDIT_PAGE, useAuditLog } from "@/api/access";
import { useLocale } from "@/i18n/language";
import { useAccessText } from "@/i18n/access";
import { moment } from "@/lib/time";

import { Pages } from "../Pages";
import { Part } from "../Part";

/** Who did what, newest first. */
export function AuditLog() {
  const text = useAccessText();
  const locale = useLocale();
  const [page, setPage] = useState(0);
  const log = useAuditLog(page);
  const outcomes: Record<string, string> = { ok: text.ok, denied: text.denied, failed: text.failed };
  return (
    <Part title={text.audit} hint={text.auditHint} failure={log.error}>
      {log.data?.total === 0 && <p className="text-muted">{text.noEntries}</p>}
      {log.data && log.data.total > 0 && (
        <div tabIndex={0} role="group" aria-label={text.audit} className="overflow-x-auto">
          <table className="w-full text-left text-[13px] [&_td]:py-1.5 [&_td]:pr-4 [&_th]:pr-4 [&_th]:pb-1 [&_th]:font-medium [&_th]:text-muted">
            <thead>
              <tr>
                {[text.when, text.who, text.what, text.where, text.outcome].map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="divide-y divide-line border-t border-line">
              {log.data.entries.map(({ id, at, principal, action, object, address, outcome }) => (
                <tr key={id}>
                  <td className="whitespace-nowrap tabular-nums">{moment(at, locale)}</td>
                  <td>{principal}</td>
                  <td>
                    {action} {object && <span className="text-muted">{object}</span>}
                  </td>
                  <td>{address}</td>
                  <td className={outcome === "ok" ? "" : "font-medium text-danger"}>{outcomes[outcome] ?? outcome}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {log.data && <Pages page={page} pageSize={AUDIT_PAGE} total={log.data.total} onPage={setPage} />}
    </Part>
  );
}
