import { useEffect } from "react";

import { Icon } from "@/components/Icon";
import { toastError } from "@/components/toast";
import { useNamingText } from "@/i18n/naming";
import { segmentAudio, stopSample, toggleSample, usePlayingSample } from "@/lib/samplePlayer";
import { clock } from "@/lib/time";
import { titleOf } from "@/lib/titles";

export interface Sample {
  segmentId: number;
  /** Seconds from the start of the recording. */
  start: number;
  /** Of the conversation, where it is another one. */
  title?: string | null | undefined;
}

/** Buttons that play segments of a voice. The sound stops when they go. */
export function Samples({ samples }: { samples: readonly Sample[] }) {
  const text = useNamingText();
  const playing = usePlayingSample();
  useEffect(() => stopSample, []);
  return (
    <div className="-mx-2 flex flex-wrap gap-x-1">
      {samples.map(({ segmentId, start, title }) => {
        const url = segmentAudio(segmentId);
        const conversation = titleOf(title);
        const place = conversation ? `${clock(start)}, ${conversation}` : clock(start);
        return (
          <button
            key={segmentId}
            type="button"
            aria-label={text.hear(place)}
            aria-pressed={playing === url}
            onClick={() => void toggleSample(url).catch(() => toastError(text.noSound))}
            className="inline-flex min-h-7 max-w-full items-center gap-1 rounded-button px-2 text-left text-[13px] text-muted hover:bg-soft hover:text-ink aria-pressed:text-accent"
          >
            <Icon name={playing === url ? "stop" : "play"} size={13} />
            <span className="wrap-anywhere">{place}</span>
          </button>
        );
      })}
    </div>
  );
}
