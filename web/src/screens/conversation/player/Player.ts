import { Store } from "@/lib/store";

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3] as const;

export interface PlayerState {
  playing: boolean;
  rate: number;
  /** The transcript scrolls with the voice. */
  follow: boolean;
  /** The recording could not be loaded. Playing loads it again. */
  failed: boolean;
}

/** One audio element, which plays the recording, and those who follow its time. */
export class Player extends Store<PlayerState> {
  readonly audio = new Audio();
  /** The end of a sample that is heard; the recording stops there. */
  private until = Infinity;
  private frame = 0;
  private readonly clocks = new Set<(seconds: number) => void>();

  constructor(readonly duration: number) {
    super({ playing: false, rate: 1, follow: true, failed: false });
    this.audio.preload = "metadata";
    this.audio.addEventListener("play", () => {
      this.change({ playing: true });
      this.tick();
    });
    this.audio.addEventListener("pause", () => this.change({ playing: false }));
    this.audio.addEventListener("seeking", this.notify);
    this.audio.addEventListener("timeupdate", this.stopAtEnd); // a hidden window draws no frames
    this.audio.addEventListener("error", () => {
      this.audio.pause(); // without it, what cannot be played still counts as playing
      this.change({ failed: this.audio.hasAttribute("src") });
    });
  }

  /** Attach the recording; returns what detaches it. */
  readonly open = (url: string) => {
    this.audio.src = url;
    return () => {
      cancelAnimationFrame(this.frame);
      this.audio.pause();
      this.audio.removeAttribute("src");
      this.audio.load();
    };
  };

  /** Call `clock` with the position now, at every frame of playing, and after each jump. */
  readonly onTime = (clock: (seconds: number) => void): (() => void) => {
    this.clocks.add(clock);
    clock(this.time);
    return () => this.clocks.delete(clock);
  };

  get time(): number {
    return this.audio.currentTime;
  }

  readonly play = (): void => {
    this.until = Infinity;
    if (this.snapshot().failed) this.reload();
    this.audio.play().catch(() => undefined); // an error is reported by its event
  };

  readonly toggle = (): void => {
    if (this.audio.paused) this.play();
    else this.audio.pause();
  };

  readonly seek = (seconds: number): void => {
    this.until = Infinity;
    this.audio.currentTime = Math.max(0, Math.min(seconds, this.duration));
    this.notify();
  };

  readonly playFrom = (seconds: number): void => {
    this.seek(seconds);
    this.play();
  };

  /** Play a stretch of the recording and stop at its end. */
  readonly hear = (start: number, end: number): void => {
    this.playFrom(start);
    this.until = end;
  };

  readonly skip = (seconds: number): void => this.seek(this.time + seconds);

  readonly setRate = (rate: number): void => {
    this.audio.defaultPlaybackRate = this.audio.playbackRate = rate; // the default is that after a reload
    this.change({ rate });
  };

  /** The next faster speed, or slower one for -1. */
  readonly step = (by: 1 | -1): void => {
    const next = RATES.indexOf(this.snapshot().rate as (typeof RATES)[number]) + by;
    this.setRate(RATES[Math.max(0, Math.min(next, RATES.length - 1))] ?? 1);
  };

  readonly setFollow = (follow: boolean): void => this.change({ follow });

  /** Load the recording again, at the same time: the server was away, or the connection. */
  private reload(): void {
    const { time } = this;
    this.change({ failed: false });
    this.audio.load();
    this.audio.currentTime = time;
  }

  /** A busy page may find only later that the sample has ended. */
  private readonly stopAtEnd = (): void => {
    if (this.time < this.until) return;
    this.audio.pause();
    this.seek(this.until);
  };

  private readonly tick = (): void => {
    this.stopAtEnd();
    this.notify();
    if (!this.audio.paused) this.frame = requestAnimationFrame(this.tick);
  };

  private readonly notify = (): void => {
    for (const clock of this.clocks) clock(this.time);
  };
}
