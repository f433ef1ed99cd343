import { useCallback, useEffect, useRef, useState } from "react";

import { type Capture, startCapture } from "./capture";
import { open } from "./sources";
import { UnsentAudio } from "./unsentAudio";
import { wav } from "./wav";

interface Recording {
  capture: Capture;
  audio: UnsentAudio;
}

/** Record a sample of a voice with the microphone; `onRecorded` gets the sound and its seconds. */
export function useVoiceRecorder(onRecorded: (sample: Blob, seconds: number) => void) {
  const [elapsed, setElapsed] = useState<number | null>(null);
  const recording = useRef<Recording>(undefined);
  const gone = useRef(false);

  /** Stops the microphone. Without `keep` the sound is thrown away. */
  const stop = async (keep: boolean) => {
    const own = recording.current;
    recording.current = undefined;
    setElapsed(null);
    await own?.capture.stop();
    if (own && keep) onRecorded(wav(own.audio.rest(), own.capture.rate), own.audio.recorded / own.capture.rate);
  };
  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
      void recording.current?.capture.stop();
    };
  }, []);

  /** Rejects with a SourceError where there is no microphone, or the page may not use it. */
  const start = useCallback(async () => {
    const audio = new UnsentAudio();
    const streams = await open("microphone", "");
    const capture = await startCapture(streams, (samples) => {
      audio.add(samples);
      if (recording.current?.audio === audio) setElapsed(audio.recorded / capture.rate);
    });
    if (gone.current) {
      await capture.stop();
      return;
    }
    recording.current = { capture, audio };
    setElapsed(0);
  }, []);

  /** `elapsed`: seconds since the start while it records, else null. */
  return { start, stop, elapsed };
}
