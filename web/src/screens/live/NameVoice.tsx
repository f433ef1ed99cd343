import { useMay } from "@/api/me";
import { Button } from "@/components/Button";
import { WhoIsThis } from "@/components/naming/WhoIsThis";
import { useNamingText } from "@/i18n/naming";

import type { Line } from "./session/lines";

/** "Who is this?" beside an unknown voice. */
export function NameVoice({ line }: { line: Line }) {
  const text = useNamingText();
  if (!useMay("writer")) return null;
  const voice = { conversationId: line.conversationId, segmentId: line.id, speakerId: line.speakerId, speakerName: line.name };
  return (
    <WhoIsThis voice={{ ...voice, start: null }}>
      <Button size="small" className="h-6! rounded-chip! bg-soft! px-2.5! text-accent!">
        {text.who}
      </Button>
    </WhoIsThis>
  );
}
