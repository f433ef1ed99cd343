import { useMay } from "@/api/me";

import { Accounts } from "./Accounts";
import { AuditLog } from "./AuditLog";
import { Keys } from "./Keys";
import { You } from "./You";

/** Who uses the page; for administrators also keys, accounts and the audit log. */
export function Access() {
  const mayAll = useMay("admin");
  return (
    <>
      <You />
      {mayAll && (
        <>
          <Keys />
          <Accounts />
          <AuditLog />
        </>
      )}
    </>
  );
}
