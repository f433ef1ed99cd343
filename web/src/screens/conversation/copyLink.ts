import { toast, toastError } from "@/components/toast";
import { useConversationText } from "@/i18n/conversation";

/** Copy a link to a time of a conversation, and say so. */
export async function copyLink(id: number, seconds: number): Promise<void> {
  try {
    await navigator.clipboard.writeText(`${location.origin}/c/${id}?t=${Math.floor(seconds)}`);
    toast(useConversationText.now().linkCopied);
  } catch (error) {
    toastError(error);
  }
}
