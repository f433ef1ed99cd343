import { useMay } from "@/api/me";
import { useSpeakerChanges, useUndoSpeakerChange } from "@/api/speakers";
import { Button } from "@/components/Button";
import { cx } from "@/components/cx";
import { Icon } from "@/components/Icon";
import { toast, toastError } from "@/components/toast";
import { useLocale } from "@/i18n/language";
import { usePeopleText } from "@/i18n/people";
import { day } from "@/lib/time";

const SHOWN = 12;

/** The latest changes of speakers; the last one can be undone, then the one before it. */
export function History() {
  const text = usePeopleText();
  const locale = useLocale();
  const mayWrite = useMay("writer");
  const changes = useSpeakerChanges().data ?? [];
  const undo = useUndoSpeakerChange();
  const latest = changes.find((change) => change.undone_at === null);
  return (
    <section aria-labelledby="history">
      <h2 id="history" className="mb-3 font-semibold text-muted">
        {text.history}
      </h2>
      {changes.length === 0 && <p className="text-muted">{text.noHistory}</p>}
      <ol className="grid gap-3">
        {changes.slice(0, SHOWN).map((change) => (
          <li key={change.id}>
            <p className={cx(change.undone_at && "text-muted line-through")}>{shown(change.description)}</p>
            <p className="text-[13px] text-muted">
              {day(change.created_at, locale)}
              {change.undone_at && ` · ${text.wasUndone}`}
            </p>
          </li>
        ))}
      </ol>
      {mayWrite && latest && (
        <Button
          className="mt-4"
          disabled={undo.isPending}
          onClick={() =>
            void undo.mutateAsync(latest.id).then((change) => toast(text.undone(shown(change.description))), toastError)
          }
        >
          <Icon name="undo" size={18} />
          {text.undoLast}
        </Button>
      )}
    </section>
  );
}

/** With the names of unknown voices as they are shown elsewhere. */
function shown(description: string): string {
  return description.replaceAll("Unknown_", "Unknown ");
}
