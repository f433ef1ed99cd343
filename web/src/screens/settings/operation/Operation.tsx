import { useStatus } from "@/api/status";
import { useSettingsText } from "@/i18n/settings";

import { CopyText } from "../CopyText";
import { Part } from "../Part";
import { StageList } from "../StageList";
import { JobList } from "./JobList";

/** For those who run the installation. */
export function Operation() {
  const text = useSettingsText();
  const status = useStatus();
  return (
    <>
      <Part title={text.operators} hint={text.operatorsHint}>
        <JobList />
      </Part>
      <Part title={text.models} failure={status.error}>
        {status.data && <StageList stages={status.data.stages} />}
      </Part>
      <Part title={text.elsewhere}>
        <dl className="grid gap-4">
          <Place href="/docs" name={text.apiDocs} hint={text.apiDocsHint} />
          <Place href="/health/ready" name={text.ready} hint={text.readyHint} />
          <div className="grid gap-2">
            <dt className="font-medium">{text.dashboard}</dt>
            <dd className="grid gap-2 text-muted">
              {text.dashboardHint}
              <CopyText label={text.dashboard}>vivavoce dashboard</CopyText>
            </dd>
          </div>
        </dl>
      </Part>
    </>
  );
}

function Place({ href, name, hint }: { href: string; name: string; hint: string }) {
  return (
    <div>
      <dt>
        <a href={href} className="font-medium text-accent underline">
          {name}
        </a>
      </dt>
      <dd className="text-muted">{hint}</dd>
    </div>
  );
}
