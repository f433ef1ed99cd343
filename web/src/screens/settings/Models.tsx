import { useStatus } from "@/api/status";
import { Loading } from "@/components/Loading";
import { useSettingsText } from "@/i18n/settings";

import { Part } from "./Part";
import { StageList } from "./StageList";

/** The models in force, and why. */
export function Models() {
  const text = useSettingsText();
  const status = useStatus();
  if (status.isPending) return <Loading />;
  return (
    <Part title={text.models} hint={text.modelsHint} failure={status.error}>
      {status.data && (
        <div className="grid gap-8">
          <StageList stages={status.data.stages} />
          <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-2">
            <dt className="text-muted">{text.version}</dt>
            <dd>{status.data.version}</dd>
            <dt className="text-muted">{text.device}</dt>
            <dd>{status.data.gpu_available ? text.gpu : text.cpu}</dd>
          </dl>
          {status.data.models.length > 1 && (
            <div>
              <h3 className="mb-1 font-medium">{text.choice}</h3>
              <ul className="list-disc pl-5">
                {status.data.models.map((model, at) => (
                  <li key={model}>
                    {model} {at === 0 && <span className="text-muted">({text.defaultModel})</span>}
                  </li>
                ))}
              </ul>
            </div>
          )}
        </div>
      )}
    </Part>
  );
}
