/** Runs on the audio thread: cuts the sound of all inputs, mixed, into pieces of 16-bit samples. */

declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const PIECES_PER_SECOND = 4;
const FULL_SCALE = 32767;

class Pieces extends AudioWorkletProcessor {
  private piece = new Int16Array(Math.round(sampleRate / PIECES_PER_SECOND));
  private filled = 0;
  private ended = false;

  constructor() {
    super();
    this.port.onmessage = () => {
      this.ended = true;
      this.send();
      this.port.postMessage(null);
    };
  }

  /** Called for every 128 samples; without a connected input there are no channels. */
  process(inputs: Float32Array[][]): boolean {
    if (this.ended) return false; // a connected node is still called
    const channels = inputs[0] ?? [];
    for (let at = 0; at < (channels[0]?.length ?? 0); at++) {
      let sum = 0;
      for (const channel of channels) sum += channel[at] ?? 0;
      const sample = sum / channels.length;
      this.piece[this.filled++] = Math.round(Math.min(1, Math.max(-1, sample)) * FULL_SCALE);
      if (this.filled === this.piece.length) this.send();
    }
    return true;
  }

  private send(): void {
    if (!this.filled) return;
    const piece = this.piece.slice(0, this.filled);
    this.filled = 0;
    this.port.postMessage(piece, [piece.buffer]);
  }
}

registerProcessor("pieces", Pieces);
