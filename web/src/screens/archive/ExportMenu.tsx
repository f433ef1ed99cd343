import { exportMany, type TranscriptFormat } from "@/api/bulk";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/Menu";
import { toastError } from "@/components/toast";
import { useArchiveText } from "@/i18n/archive";

const FORMATS: readonly TranscriptFormat[] = ["txt", "srt", "vtt", "csv", "rttm", "json"];
/** For the browser to begin to store what it downloads. */
const REVOKE_MS = 60_000;

/** Downloads the transcripts of the selected conversations. */
export function ExportMenu({ ids }: { ids: readonly number[] }) {
  const text = useArchiveText();
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button kind="quiet">
          <Icon name="download" size={17} />
          {text.export}
        </Button>
      </MenuTrigger>
      <MenuContent side="top">
        {FORMATS.map((format) => (
          <MenuItem key={format} onSelect={() => void download(ids, format)}>
            {text[`format_${format}`]}
          </MenuItem>
        ))}
      </MenuContent>
    </Menu>
  );
}

async function download(ids: readonly number[], format: TranscriptFormat): Promise<void> {
  try {
    for (const archive of await exportMany(ids, format)) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(archive);
      link.download = "conversations.zip";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MS);
    }
  } catch (error) {
    toastError(error);
  }
}
