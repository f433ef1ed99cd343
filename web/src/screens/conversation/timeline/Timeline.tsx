import { useId, useMemo, useState } from "react";

import type { ConversationHead } from "@/api/conversations";
import { usePeaks } from "@/api/recording";
import { Button, IconButton } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { useCommonText } from "@/i18n/common";
import { useConversationText } from "@/i18n/conversation";
import { shownName } from "@/lib/voice";

import { useTranscript } from "../context";
import { type Lane, lanesOf, largest } from "./lanes";
import { Plot } from "./Plot";
import { maxZoom } from "./scale";
import { LANE_PX, MAX_LANES, WAVE_PX } from "./size";

/** The sound of the whole recording, and who speaks when: a lane for each voice, as high as it is activated. */
export function Timeline({ head }: { head: ConversationHead }) {
  const text = useConversationText();
  const common = useCommonText();
  const { segments } = useTranscript();
  const { data: wave } = usePeaks(head.id, head.duration);
  const [all, setAll] = useState(false);
  const [zoom, setZoom] = useState(1);
  const described = useId();
  const lanes = useMemo(() => lanesOf(segments), [segments]);
  const shown = useMemo(() => (all ? lanes : largest(lanes, MAX_LANES)), [lanes, all]);
  const largestZoom = maxZoom(head.duration ?? 0);
  const summary = lanes.map((lane) => `${shownName(lane.voice.name, common.unknownVoice)} ${Math.round(lane.share * 100)} %`);
  return (
    <section aria-label={text.timeline} className="rounded-panel border border-line bg-panel p-3 pb-2 sm:px-4.5">
      <p id={described} className="sr-only">
        {text.timelineOf(summary.join(", "))}
      </p>
      <div className="flex">
        <div className="hidden w-26 shrink-0 flex-col pr-2 sm:flex">
          <Labels lanes={shown} />
          {largestZoom > 1 && (
            <div className="-ml-1.5 flex">
              <IconButton label={text.zoomOut} size="small" disabled={zoom <= 1} onClick={() => setZoom(zoom / 2)}>
                <Icon name="minus" size={15} />
              </IconButton>
              <IconButton label={text.zoomIn} size="small" disabled={zoom >= largestZoom} onClick={() => setZoom(zoom * 2)}>
                <Icon name="plus" size={15} />
              </IconButton>
            </div>
          )}
        </div>
        <Plot lanes={shown} wave={wave} zoom={zoom} describedBy={described} />
      </div>
      {lanes.length > MAX_LANES && (
        <Button kind="quiet" size="small" onClick={() => setAll(!all)} className="-ml-2 text-muted">
          {all ? text.fewerLanes : text.moreLanes(lanes.length - MAX_LANES)}
        </Button>
      )}
    </section>
  );
}

function Labels({ lanes }: { lanes: readonly Lane[] }) {
  const common = useCommonText();
  return (
    <div aria-hidden="true" className="text-[12.5px] text-muted" style={{ paddingTop: WAVE_PX }}>
      {lanes.map(({ voice }) => (
        <div key={voice.key} className="flex items-center gap-2" style={{ height: LANE_PX }}>
          <span className="size-2 shrink-0 rounded-full" style={{ background: voice.colour.fill }} />
          <span dir="auto" className="truncate">
            {shownName(voice.name, common.unknownVoice)}
          </span>
        </div>
      ))}
    </div>
  );
}
