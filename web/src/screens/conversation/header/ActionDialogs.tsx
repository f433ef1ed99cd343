import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { type ConversationHead, conversationKeys, eraseConversation, rematchConversation } from "@/api/conversations";
import { readAgain } from "@/api/readAgain";
import { Confirm } from "@/components/Confirm";
import { toast } from "@/components/toast";
import { useActionsText } from "@/i18n/actions";
import { useErasureText } from "@/i18n/erasure";
import { erasedMessage } from "@/lib/erasure";
import { titleOf } from "@/lib/titles";

import { ReprocessDialog } from "./ReprocessDialog";
import { SharingDialog } from "./SharingDialog";

export type Asked = "reprocess" | "share" | "match" | "erase" | undefined;

interface ActionDialogsProps {
  head: ConversationHead;
  asked: Asked;
  close: () => void;
}

/** What is asked before something is done with the whole conversation. */
export function ActionDialogs({ head, asked, close }: ActionDialogsProps) {
  const text = useActionsText();
  const erasure = useErasureText();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { id } = head;
  const name = titleOf(head.title) ?? text.untitled;
  if (asked === "reprocess") return <ReprocessDialog id={id} close={close} />;
  if (asked === "share") return <SharingDialog id={id} close={close} />;
  const match = async () => {
    const { participants } = await rematchConversation(id);
    await readAgain(queries, conversationKeys.one(id), conversationKeys.lists);
    toast(text.matched(participants));
  };
  const erase = async () => {
    const erased = await eraseConversation(id);
    await navigate("/");
    await readAgain(queries, conversationKeys.lists);
    toast(erasedMessage(name, erased));
  };
  const questions = {
    match: { title: text.match, description: text.matchHint, action: text.matchNow, run: match },
    erase: {
      title: erasure.eraseTitle(name),
      description: erasure.conversationHint,
      action: erasure.erase,
      run: erase,
    },
  };
  return asked && <Confirm open onOpenChange={close} {...questions[asked]} />;
}
