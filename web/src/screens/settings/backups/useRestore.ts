import { useRestoreProfile } from "@/api/profiles";
import { toast, toastError } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useBackupsText } from "@/i18n/backups";

/** Restores a file, tells what came of it, and offers to undo it. */
export function useRestore(): (filename: string) => Promise<void> {
  const text = useBackupsText();
  const common = useCommonText();
  const { mutateAsync } = useRestoreProfile();
  return async (filename) => {
    const done = await mutateAsync(filename);
    const before = done.replaced_state;
    const undo = () =>
      void mutateAsync(before ?? "").then(({ speakers_restored }) => toast(text.restored(speakers_restored)), toastError);
    const leftOut = [
      done.segments_not_found ? text.notFound(done.segments_not_found) : null,
      done.forgotten_changes ? text.forgotten(done.forgotten_changes) : null,
    ];
    const warnings = [...leftOut, done.legacy_restore_warning, done.settings_warning].filter((one) => one !== null);
    toast(
      [text.restored(done.speakers_restored), ...warnings].join(" "),
      before ? { action: { label: common.undo, run: undo } } : {},
    );
  };
}
