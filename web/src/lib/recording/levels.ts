/** How loud the last sound was, for meters and waveforms. It is read when a frame is drawn, so that it changes no state. */

/** Peaks of a piece, which has a quarter of a second. */
export const PEAKS_PER_PIECE = 5;
export const PEAKS_PER_SECOND = 20;
const KEPT_SECONDS = 120;
const FULL_SCALE = 32768;

export interface Peak {
  /** Seconds since the beginning of the recording. */
  at: number;
  /** 0 to 1. */
  height: number;
}

export class Levels {
  private peaks: Peak[] = [];
  /** When the last piece came, as `performance.now()`. */
  arrived = 0;

  /** `at`: seconds at which the samples begin. */
  add(samples: Int16Array, at: number, rate: number): void {
    this.arrived = performance.now();
    const size = Math.max(1, Math.ceil(samples.length / PEAKS_PER_PIECE));
    for (let from = 0; from < samples.length; from += size) {
      let height = 0;
      for (const sample of samples.subarray(from, from + size)) height = Math.max(height, Math.abs(sample));
      this.peaks.push({ at: at + from / rate, height: height / FULL_SCALE });
    }
    if (this.peaks.length > 2 * KEPT_SECONDS * PEAKS_PER_SECOND) this.peaks = this.last(KEPT_SECONDS * PEAKS_PER_SECOND);
  }

  last(count: number): Peak[] {
    return this.peaks.slice(-count);
  }

  /** The loudest of the last quarter of a second. */
  get now(): number {
    return Math.max(0, ...this.last(PEAKS_PER_PIECE).map(({ height }) => height));
  }

  /** The loudest of some seconds; undefined before so many were recorded. */
  loudest(seconds: number): number | undefined {
    const last = this.last(seconds * PEAKS_PER_SECOND);
    return last.length < seconds * PEAKS_PER_SECOND ? undefined : Math.max(...last.map(({ height }) => height));
  }
}

/** The height of a bar for a peak: equal steps for equal ratios, from -48 dB on, so that quiet speech is seen. */
export function shown(peak: number): number {
  return Math.min(1, Math.max(0, 1 + (20 * Math.log10(Math.max(peak, 1e-6))) / 48));
}
