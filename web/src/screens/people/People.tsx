import { useState } from "react";

import { useMay } from "@/api/me";
import { useSpeakerOverview, useSpeakers, useSuggestions } from "@/api/speakers";
import { Button } from "@/components/Button";
import { Empty } from "@/components/Empty";
import { Icon } from "@/components/Icon";
import { Loading } from "@/components/Loading";
import { Page } from "@/components/Page";
import { usePeopleText } from "@/i18n/people";

import { EnrollDialog } from "./EnrollDialog";
import { History } from "./History";
import { Inbox } from "./Inbox";
import { PersonRow } from "./PersonRow";
import { voices } from "./voices";

/** Everyone whose voice is known, the voices that nobody has named yet, and what was changed. */
export function People() {
  const text = usePeopleText();
  const mayWrite = useMay("writer");
  const [enrolling, setEnrolling] = useState(false);
  const speakers = useSpeakers();
  const overview = useSpeakerOverview();
  const suggestions = useSuggestions();
  const actions = mayWrite && (
    <Button kind="primary" onClick={() => setEnrolling(true)}>
      <Icon name="plus" size={18} />
      {text.enroll}
    </Button>
  );
  if (speakers.isPending || overview.isPending) return <Loading />;
  const failure = speakers.error ?? overview.error;
  const { known, unknown } = voices(speakers.data ?? [], overview.data ?? [], suggestions.data ?? []);
  return (
    <Page title={text.title} actions={actions}>
      {failure && <p role="alert">{failure.message}</p>}
      <div className="grid gap-x-11 gap-y-9 grid-cols-[minmax(0,1fr)] lg:grid-cols-[minmax(0,1fr)_300px]">
        <div className="grid min-w-0 content-start gap-9">
          {unknown.length > 0 && <Inbox voices={unknown} />}
          <section aria-labelledby="known">
            <h2 id="known" className="mb-3 font-semibold">
              {text.known}
            </h2>
            {known.length === 0 ? (
              <Empty title={text.none}>{text.noneHint}</Empty>
            ) : (
              <ul className="divide-y divide-line rounded-panel border border-line bg-panel">
                {known.map((voice) => (
                  <PersonRow key={voice.id} voice={voice} />
                ))}
              </ul>
            )}
          </section>
        </div>
        <History />
      </div>
      {enrolling && <EnrollDialog close={() => setEnrolling(false)} />}
    </Page>
  );
}
