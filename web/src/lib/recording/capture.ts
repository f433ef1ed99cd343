/** Turns the sound of streams into pieces of 16-bit samples, a quarter of a second each. */
import workletUrl from "./pieces.worklet?worker&url";
import { end, SourceError } from "./sources";

/** What the models listen to. More would be sent in vain; a browser that cannot convert gives its own rate. */
const WANTED_RATE_HZ = 16_000;

export interface Capture {
  /** Samples a second. */
  readonly rate: number;
  /** Replace the streams, as after a microphone was unplugged. The former ones are ended. */
  listen(streams: readonly MediaStream[]): void;
  /** Stop the sound at its source, or let it through again. */
  setMuted(muted: boolean): void;
  /** Deliver what is left, and release the microphone. */
  stop(): Promise<void>;
}

/**
 * The streams are mixed, and belong to the capture from now on. `rate`: that of the recording that goes on.
 * Raises SourceError where the browser has another one now.
 */
export async function startCapture(
  streams: readonly MediaStream[],
  onPiece: (samples: Int16Array<ArrayBuffer>) => void,
  rate?: number,
): Promise<Capture> {
  const { context, sources } = connected(streams);
  try {
    if (rate !== undefined && rate !== context.sampleRate) throw new SourceError("otherRate");
    await context.audioWorklet.addModule(workletUrl);
    await context.resume();
  } catch (error) {
    end(streams);
    void context.close();
    throw error;
  }
  return new Recorder(context, streams, sources, onPiece);
}

/** Firefox does not connect a stream to a context of another rate than the stream's. */
function connected(streams: readonly MediaStream[]) {
  const converting = new AudioContext({ sampleRate: WANTED_RATE_HZ });
  try {
    return { context: converting, sources: streams.map((stream) => converting.createMediaStreamSource(stream)) };
  } catch {
    void converting.close();
    const context = new AudioContext();
    return { context, sources: streams.map((stream) => context.createMediaStreamSource(stream)) };
  }
}

class Recorder implements Capture {
  private readonly node: AudioWorkletNode;
  private readonly drained: Promise<void>;
  private muted = false;

  constructor(
    private readonly context: AudioContext,
    private streams: readonly MediaStream[],
    private sources: readonly AudioNode[],
    onPiece: (samples: Int16Array<ArrayBuffer>) => void,
  ) {
    this.node = new AudioWorkletNode(context, "pieces", { numberOfOutputs: 1 });
    this.drained = new Promise((resolve) => {
      this.node.port.onmessage = ({ data }: MessageEvent<Int16Array<ArrayBuffer> | null>) => {
        if (data) onPiece(data);
        else resolve();
      };
    });
    this.node.connect(context.destination); // it is silent; without a connection it might not be called
    for (const source of sources) source.connect(this.node);
    // A phone suspends it for a call, and does not start it again by itself.
    context.onstatechange = () => {
      if (context.state !== "running" && context.state !== "closed") void context.resume();
    };
  }

  get rate(): number {
    return this.context.sampleRate;
  }

  listen(streams: readonly MediaStream[]): void {
    for (const source of this.sources) source.disconnect();
    end(this.streams);
    this.streams = streams;
    this.sources = streams.map((stream) => this.context.createMediaStreamSource(stream));
    for (const source of this.sources) source.connect(this.node);
    this.setMuted(this.muted);
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    for (const track of this.streams.flatMap((stream) => stream.getAudioTracks())) track.enabled = !muted;
  }

  async stop(): Promise<void> {
    if (this.context.state === "closed") return;
    this.node.port.postMessage(null);
    if (this.context.state === "running") await this.drained;
    end(this.streams);
    this.context.onstatechange = null;
    await this.context.close();
  }
}
