import { useEffect, useRef, useState } from "react";

import { Icon } from "@/components/Icon";
import { toastError } from "@/components/toast";
import { useArchiveText } from "@/i18n/archive";

import { droppedFiles } from "./dropped";
import { useTake } from "./useTake";

/** Takes files that are dropped anywhere on the page. */
export function DropArea({ onFiles }: { onFiles: (files: readonly File[]) => void }) {
  const text = useArchiveText();
  const [over, setOver] = useState(false);
  const take = useTake(onFiles);
  const latest = useRef(take);
  useEffect(() => {
    latest.current = take;
  }, [take]);
  useEffect(() => {
    const follow = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // otherwise the browser opens the file in place of the page
      event.dataTransfer.dropEffect = "copy";
      setOver(true);
    };
    const drop = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(false);
      droppedFiles(event.dataTransfer).then((chosen) => latest.current(chosen), toastError);
    };
    window.addEventListener("dragover", follow);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", follow);
      window.removeEventListener("drop", drop);
    };
  }, []);
  if (!over) return null;
  // It is below the pointer itself: an element of the page that is removed there would take the drop with it. So leaving it is
  // leaving the window, in each browser: `relatedTarget` is always null in Safari. The pointer moves only after a drag.
  const hide = () => setOver(false);
  return (
    <div
      onDragLeave={hide}
      onPointerMove={hide}
      className="fixed inset-0 z-50 grid animate-[appear_120ms] place-items-center bg-background/85 p-6"
    >
      <div className="pointer-events-none grid size-full place-content-center justify-items-center gap-3 rounded-panel border-2 border-dashed border-accent">
        <Icon name="upload" size={32} />
        <p className="text-lg font-semibold">{text.dropHere}</p>
        <p className="text-muted">{text.dropHint}</p>
      </div>
    </div>
  );
}
