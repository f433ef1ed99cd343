import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from "react";

import { useConversationText } from "@/i18n/conversation";
import { clock } from "@/lib/time";

import { useSession, useTranscript } from "../context";
import { Chapters } from "./Chapters";
import { type Hovered, hoveredAt, HoverLabel } from "./Hover";
import type { Lane } from "./lanes";
import { Painter } from "./Painter";
import { LANE_PX, WAVE_PX } from "./size";
import { Ticks } from "./Ticks";

interface PlotProps {
  lanes: readonly Lane[];
  wave: { peaks: number[]; per_second: number } | undefined;
  zoom: number;
  describedBy: string;
}

/** The waveform and the lanes, in a box that scrolls sideways when they are zoomed. A click goes to its time. */
export function Plot({ lanes, wave, zoom, describedBy }: PlotProps) {
  const text = useConversationText();
  const { player } = useSession();
  const { duration } = player;
  const { segments } = useTranscript();
  const box = useRef<HTMLDivElement>(null);
  const slider = useRef<HTMLDivElement>(null);
  const [painter, setPainter] = useState<Painter>();
  const [width, setWidth] = useState(0);
  const [hovered, setHovered] = useState<Hovered>();

  useEffect(() => {
    if (!box.current || !slider.current) return;
    const [wave, played, lanes] = slider.current.querySelectorAll("canvas");
    const head = slider.current.querySelector<HTMLElement>("[data-playhead]");
    if (!wave || !played || !lanes || !head) return;
    const made = new Painter({ box: box.current, wave, played, lanes, head }, setWidth);
    setPainter(made);
    return made.close;
  }, []);

  const shown = useMemo(() => wave && { peaks: wave.peaks, perSecond: wave.per_second }, [wave]);
  useEffect(
    () => painter?.paint({ duration, segments, lanes, wave: shown, zoom }),
    [painter, duration, segments, lanes, shown, zoom],
  );
  useEffect(
    () =>
      player.onTime((seconds) => {
        painter?.setTime(seconds, !player.audio.paused);
        const time = clock(seconds);
        if (slider.current?.dataset.time === time) return;
        slider.current?.setAttribute("data-time", time);
        slider.current?.setAttribute("aria-valuenow", String(Math.round(seconds)));
        slider.current?.setAttribute("aria-valuetext", text.timeOf(time, clock(duration)));
      }),
    [player, painter, text, duration],
  );

  const hover = (event: PointerEvent) => {
    if (!painter || event.pointerType === "touch") return;
    const top = event.clientY - event.currentTarget.getBoundingClientRect().top;
    setHovered(
      hoveredAt(lanes, painter.timeAt(event.clientX), top, event.clientX - (box.current?.getBoundingClientRect().left ?? 0)),
    );
  };
  const jump = (event: KeyboardEvent) => {
    if (event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    player.seek(event.key === "Home" ? 0 : duration);
  };
  return (
    <div ref={box} className="min-w-0 grow overflow-x-auto overflow-y-hidden">
      <div style={{ width: `${100 * zoom}%` }}>
        <div
          ref={slider}
          role="slider"
          tabIndex={0}
          aria-label={text.timelinePosition}
          aria-describedby={describedBy}
          aria-valuemin={0}
          aria-valuemax={Math.round(duration)}
          aria-valuenow={0}
          onPointerMove={hover}
          onPointerLeave={() => setHovered(undefined)}
          onClick={(event) => painter && player.seek(painter.timeAt(event.clientX))}
          onKeyDown={jump}
          className="sticky left-0 cursor-pointer rounded-sm"
          style={{ width: width || "100%", height: WAVE_PX + lanes.length * LANE_PX }}
        >
          <canvas className="absolute top-0 left-0 opacity-45" style={{ width, height: WAVE_PX }} />
          <canvas className="absolute top-0 left-0" style={{ width, height: WAVE_PX }} />
          <canvas className="absolute left-0" style={{ top: WAVE_PX, width, height: lanes.length * LANE_PX }} />
          <div data-playhead className="absolute inset-y-0 -left-px w-0.5 bg-ink" />
          {hovered && <HoverLabel hovered={hovered} width={width} />}
        </div>
        <Ticks duration={duration} width={width * zoom} />
        <Chapters />
      </div>
    </div>
  );
}
