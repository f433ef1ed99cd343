import { useState } from "react";

import { DOWNLOAD_ALL, useImportProfile, useProfiles } from "@/api/profiles";
import { Button, ButtonLink, FileButton } from "@/components/Button";
import { Empty } from "@/components/Empty";
import { Icon } from "@/components/Icon";
import { Loading } from "@/components/Loading";
import { toast, toastError } from "@/components/toast";
import { useBackupsText } from "@/i18n/backups";
import { useSettingsText } from "@/i18n/settings";

import { Part, ROWS } from "../Part";
import { ProfileRow } from "./ProfileRow";
import { SaveDialog } from "./SaveDialog";

/** Profiles: copies of the people and their corrections. */
export function Backups() {
  const text = useBackupsText();
  const title = useSettingsText().backups;
  const profiles = useProfiles();
  const [saving, setSaving] = useState(false);
  const read = useImportProfile();
  const importFile = (file: File) => void read.mutateAsync(file).then(({ name }) => toast(text.imported(name)), toastError);
  if (profiles.isPending) return <Loading />;
  const found = profiles.data?.profiles ?? [];
  return (
    <Part title={title} hint={text.hint} failure={profiles.error}>
      <div className="mb-5 flex flex-wrap gap-2">
        <Button kind="primary" onClick={() => setSaving(true)}>
          <Icon name="plus" size={18} />
          {text.create}
        </Button>
        <FileButton accept=".json,application/json" onFile={importFile}>
          <Icon name="upload" size={18} />
          {text.import}
        </FileButton>
        {found.length > 0 && (
          <ButtonLink to={DOWNLOAD_ALL} reloadDocument download>
            <Icon name="download" size={18} />
            {text.downloadAll}
          </ButtonLink>
        )}
      </div>
      {profiles.data && found.length === 0 && <Empty title={text.none}>{text.noneHint}</Empty>}
      {found.length > 0 && (
        <ul className={ROWS}>
          {found.map((profile) => (
            <ProfileRow key={profile.filename} profile={profile} />
          ))}
        </ul>
      )}
      {saving && <SaveDialog close={() => setSaving(false)} />}
    </Part>
  );
}
