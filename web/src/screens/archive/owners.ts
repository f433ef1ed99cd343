import { useAccounts } from "@/api/access";
import type { ListedConversation } from "@/api/conversations";
import { useMay, useMe } from "@/api/me";
import { useArchiveText } from "@/i18n/archive";

/** Whose a conversation is, where that is somebody else: the name for administrators, "shared" for others. */
export function useOwnerOf(): (conversation: ListedConversation) => string | undefined {
  const text = useArchiveText();
  const me = useMe().data?.principal;
  const admin = useMay("admin");
  const accounts = useAccounts(admin && me !== "local");
  const names = new Map(accounts.data?.people.map(({ id, name }) => [id, name]));
  return ({ owner }) => (owner == null || me === `person:${owner}` ? undefined : (names.get(owner) ?? text.shared));
}
