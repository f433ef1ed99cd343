import { Button, IconButton } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { useArchiveText } from "@/i18n/archive";
import { useCommonText } from "@/i18n/common";
import { useLocale } from "@/i18n/language";
import { span } from "@/lib/time";

import { removeUpload, retryUpload, type Upload } from "./uploads";
import { WorkRow } from "./WorkRow";

export function UploadRow({ upload }: { upload: Upload }) {
  const text = useArchiveText();
  const common = useCommonText();
  const locale = useLocale();
  const { state, secondsLeft } = upload;
  const left = secondsLeft === null ? [] : [text.left(span(Math.max(1, secondsLeft), locale))];
  const about = state === "refused" ? (upload.error ?? "") : [text[state], ...left].join(" · ");
  const failed = state === "refused";
  return (
    <WorkRow title={upload.name} about={about} failed={failed} fraction={upload.sent}>
      {failed && (
        <Button size="small" onClick={() => retryUpload(upload.id)}>
          {common.retry}
        </Button>
      )}
      <IconButton
        label={failed ? text.dismiss(upload.name) : text.cancelUpload(upload.name)}
        onClick={() => removeUpload(upload.id)}
      >
        <Icon name="close" size={16} />
      </IconButton>
    </WorkRow>
  );
}
