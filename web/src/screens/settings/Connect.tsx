import type { ReactNode } from "react";

import { useMe } from "@/api/me";
import { useSettingsText } from "@/i18n/settings";

import { CopyText } from "./CopyText";
import { curl, mcpOverHttp, mcpOverStdio } from "./configurations";
import { Part } from "./Part";

/** What other programs need to reach this installation. */
export function Connect() {
  const text = useSettingsText();
  const me = useMe().data;
  const withKey = me?.principal !== "local";
  const origin = location.origin;
  return (
    <Part title={text.connect} hint={`${text.connectHint} ${withKey ? text.needsKey : text.noKey}`}>
      <div className="grid grid-cols-[minmax(0,1fr)] gap-8">
        <Way title={text.mcpHttp} hint={text.mcpHttpHint}>
          <CopyText label={text.mcpHttp}>{mcpOverHttp(origin, withKey)}</CopyText>
        </Way>
        <Way title={text.mcpStdio} hint={text.mcpStdioHint}>
          <CopyText label={text.mcpStdio}>{mcpOverStdio(origin, withKey)}</CopyText>
        </Way>
        <Way title={text.rest} hint={text.restHint}>
          <CopyText label={text.rest}>{curl(origin, withKey)}</CopyText>
        </Way>
      </div>
    </Part>
  );
}

function Way({ title, hint, children }: { title: string; hint: string; children: ReactNode }) {
  return (
    <div className="grid min-w-0 grid-cols-[minmax(0,1fr)] gap-2">
      <div>
        <h3 className="font-medium">{title}</h3>
        <p className="text-muted">{hint}</p>
      </div>
      {children}
    </div>
  );
}
