import { type Profile, useDeleteProfile, useUpdateProfile } from "@/api/profiles";
import { Confirm } from "@/components/Confirm";
import { toast } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useBackupsText } from "@/i18n/backups";

import { useRestore } from "./useRestore";

export type Asked = "restore" | "update" | "delete" | undefined;

interface QuestionsProps {
  profile: Profile;
  asked: Asked;
  close: () => void;
}

/** Asks before what changes a profile or the present state. */
export function Questions({ profile, asked, close }: QuestionsProps) {
  const text = useBackupsText();
  const common = useCommonText();
  const { name, filename } = profile;
  const restore = useRestore();
  const update = useUpdateProfile();
  const remove = useDeleteProfile();
  const questions = {
    restore: {
      title: text.restoreTitle(name),
      description: text.restoreHint,
      action: text.restore,
      run: () => restore(filename),
    },
    update: {
      title: `${name}: ${text.update}`,
      description: text.updateHint,
      action: text.update,
      run: async () => {
        await update.mutateAsync(profile);
        toast(text.updated(name));
      },
    },
    delete: {
      title: text.deleteTitle(name),
      description: text.deleteHint,
      action: common.delete,
      run: async () => {
        await remove.mutateAsync(name);
        toast(text.deleted(name));
      },
    },
  };
  return asked && <Confirm open onOpenChange={close} {...questions[asked]} />;
}
