import { useEffect, useState } from "react";

import { type Capture, startCapture } from "./capture";
import { Levels } from "./levels";
import { open, type Problem, problemOf } from "./sources";

interface Checked {
  levels: Levels | null;
  problem: Problem | null;
}

/** How loud a microphone is. `attempt`: 0 while it is not wanted, and another number to try again. */
export function useMicrophoneLevel(attempt: number, deviceId: string): Checked {
  const [checked, setChecked] = useState<Checked>({ levels: null, problem: null });
  useEffect(() => {
    if (!attempt) return;
    let stopped = false;
    let capture: Capture | undefined;
    const levels = new Levels();
    const listen = async () => {
      const opened = await startCapture(await open("microphone", deviceId), (samples) => levels.add(samples, 0, opened.rate));
      capture = opened;
      if (stopped) await opened.stop();
      else setChecked({ levels, problem: null });
    };
    listen().catch((error: unknown) => {
      if (!stopped) setChecked({ levels: null, problem: problemOf(error) });
    });
    return () => {
      stopped = true;
      void capture?.stop();
      setChecked({ levels: null, problem: null });
    };
  }, [attempt, deviceId]);
  return checked;
}
