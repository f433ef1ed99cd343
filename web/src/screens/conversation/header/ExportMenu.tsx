import { API } from "@/api/client";
import { recordingUrl } from "@/api/recording";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/Menu";
import { toast, toastError } from "@/components/toast";
import { useActionsText } from "@/i18n/actions";

const FORMATS = ["txt", "srt", "vtt", "csv", "json", "rttm"] as const;

/** The transcript as a file or in the clipboard, and the recording. */
export function ExportMenu({ id }: { id: number }) {
  const text = useActionsText();
  const transcript = (format: string) => `${API}/conversations/${id}/transcript?format=${format}`;
  const copy = async () => {
    const answer = await fetch(transcript("txt"));
    if (!answer.ok) throw new Error(text.notCopied);
    await navigator.clipboard.writeText(await answer.text());
    toast(text.copied);
  };
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button>
          <Icon name="download" size={18} />
          {text.export}
        </Button>
      </MenuTrigger>
      <MenuContent>
        <MenuItem onSelect={() => void copy().catch(toastError)}>
          <Icon name="copy" size={17} />
          {text.copyText}
        </MenuItem>
        <MenuSeparator />
        {FORMATS.map((format) => (
          <MenuItem key={format} asChild>
            <a href={transcript(format)} download>
              {text[format]}
            </a>
          </MenuItem>
        ))}
        <MenuSeparator />
        <MenuItem asChild>
          <a href={recordingUrl(id)} download>
            {text.recording}
          </a>
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}
