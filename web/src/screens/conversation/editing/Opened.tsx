import { lazy, Suspense } from "react";

import { useMay } from "@/api/me";
import { useStore } from "@/lib/store";

import { useSession } from "../context";
import { useEditingKeys } from "./useEditingKeys";

const Panels = lazy(async () => ({ default: (await import("./Panels")).Panels }));

/** What the reader opened at a segment: one for all segments, so that rows stay light; and the keys that edit. */
export function Opened() {
  return useMay("writer") && <OfWriters />;
}

function OfWriters() {
  const { editor } = useSession();
  const { opened, replacing } = useStore(editor);
  useEditingKeys();
  if (!opened && !replacing) return null;
  return (
    <Suspense>
      <Panels opened={opened} replacing={replacing} />
    </Suspense>
  );
}
