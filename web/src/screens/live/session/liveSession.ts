/** A recording from the first sound until the server has all of it. Components watch `state` and `levels`. */
import { conversationKeys } from "@/api/conversations";
import { meKey } from "@/api/me";
import { queryClient } from "@/app/queryClient";
import { type Capture, startCapture } from "@/lib/recording/capture";
import { Levels } from "@/lib/recording/levels";
import { end, open, problemOf, type Source } from "@/lib/recording/sources";
import { UnsentAudio } from "@/lib/recording/unsentAudio";
import * as store from "@/lib/recording/unfinishedStore";
import type { RecordingOptions, Unfinished } from "@/lib/recording/unfinishedStore";
import { keepAwake } from "@/lib/recording/wakeLock";
import { Store } from "@/lib/store";
import { staying, unsent } from "@/lib/unsent";

import { Delivery, type DeliveryEvents } from "./delivery";
import { fetchLines } from "./fetchLines";
import { lineOf, partialOf, withLine, withSpeakers } from "./lines";
import type { CompletedData, ServerMessage } from "./messages";
import { INITIAL, type LiveState } from "./state";

export interface Input {
  source: Source;
  deviceId: string;
}

/** Silence that marks a pause: the server sees the end of the sentence before it, and no sentence spans it. */
const PAUSE_MARK_SECONDS = 1;
const SILENT_SECONDS = 8;
/** -54 dB below the loudest: less is no speech. */
const SILENT_PEAK = 0.002;

export class LiveSession {
  readonly state = new Store<LiveState>(INITIAL);
  readonly levels = new Levels();
  private capture: Capture | null = null;
  private readonly delivery: Delivery;
  private letSleep: (() => void) | null = null;
  private leaveScreen: (() => void) | null = null;
  private readonly sent = unsent.hold();
  private labels: readonly string[] = [];

  private constructor(
    readonly recording: Unfinished,
    audio: UnsentAudio,
    private readonly release: () => void,
    readonly input: Input | null,
  ) {
    this.delivery = new Delivery(recording, audio, this.events());
    this.progress();
  }

  /** Begin a recording. Raises SourceError. */
  static async record(input: Input, options: RecordingOptions, principal: string | null): Promise<LiveSession> {
    const streams = await open(input.source, input.deviceId);
    let session: LiveSession | null = null;
    const early: Int16Array<ArrayBuffer>[] = [];
    const capture = await startCapture(streams, (samples) => (session ? session.heard(samples) : early.push(samples)));
    const recording: Unfinished = {
      id: crypto.randomUUID(),
      principal,
      startedAt: new Date().toISOString(),
      rate: capture.rate,
      options,
      conversation: null,
      base: 0,
      confirmed: 0,
    };
    const release = await store.hold(recording.id).catch(() => null);
    session = new LiveSession(recording, new UnsentAudio(), release ?? (() => undefined), input);
    session.attach(capture, streams);
    for (const samples of early) session.heard(samples);
    return session;
  }

  /**
   * Go on with a recording that a reload or a crash has ended. Raises SourceError; null where another tab has it.
   * Without an input what was not sent is sent, and the recording finished.
   */
  static async resume(recording: Unfinished, input: Input | null): Promise<LiveSession | null> {
    const streams = input ? await open(input.source, input.deviceId) : [];
    const release = await store.hold(recording.id);
    if (!release) {
      end(streams);
      return null;
    }
    const audio = new UnsentAudio(recording.confirmed, await store.piecesOf(recording.id));
    const session = new LiveSession(recording, audio, release, input);
    if (input) session.attach(await startCapture(streams, (samples) => session.heard(samples), recording.rate), streams);
    else session.finished();
    return session;
  }

  /** What the browser calls the microphone or the tab. */
  get soundName(): string {
    return this.labels.filter(Boolean).join(" + ");
  }

  get seconds(): number {
    return this.delivery.seconds(this.delivery.audio.recorded);
  }

  /** Take the sound away at its source. What is said from now on is not part of the recording. */
  pause(): void {
    if (this.state.snapshot().phase !== "recording") return;
    this.delivery.add(new Int16Array(Math.round(PAUSE_MARK_SECONDS * this.recording.rate)));
    this.capture?.setMuted(true);
    this.state.change({ phase: "paused", silent: false });
    this.progress();
  }

  /** After a pause; also opens the microphone again where it was lost. */
  async goOn(): Promise<void> {
    if (this.state.snapshot().problem && this.input) {
      try {
        const streams = await open(this.input.source, this.input.deviceId);
        this.capture?.listen(streams);
        this.watch(streams);
      } catch (error) {
        this.state.change({ problem: problemOf(error) });
        return;
      }
    }
    this.capture?.setMuted(false);
    this.state.change({ phase: "recording", problem: null });
  }

  /** No more sound is recorded; the rest is sent, and the server finishes the conversation. */
  async finish(): Promise<void> {
    const { phase } = this.state.snapshot();
    if (phase !== "recording" && phase !== "paused") return;
    await this.capture?.stop(); // delivers its last piece while it is still recording
    this.finished();
  }

  /** Read the speakers of the lines again, as after a voice was named, and the lines from before a reload. */
  async refetch(): Promise<void> {
    const current = this.delivery.conversationId;
    const begins = this.delivery.seconds(this.recording.base);
    const ids = new Set([
      ...this.state.snapshot().lines.map(({ conversationId }) => conversationId),
      ...(current ? [current] : []),
    ]);
    const stored = (await Promise.all([...ids].map((id) => fetchLines(id, begins)))).flat();
    const { lines } = this.state.snapshot();
    const here = new Set(lines.map(({ id }) => id));
    const missing = stored.filter(({ id, conversationId }) => conversationId === current && !here.has(id));
    this.state.change({ lines: missing.reduce(withLine, withSpeakers(lines, stored)) });
  }

  private attach(capture: Capture, streams: readonly MediaStream[]): void {
    this.capture = capture;
    this.letSleep = keepAwake();
    this.leaveScreen = staying.hold();
    this.watch(streams);
  }

  private watch(streams: readonly MediaStream[]): void {
    const tracks = streams.flatMap((stream) => stream.getAudioTracks());
    this.labels = tracks.map(({ label }) => label);
    for (const track of tracks) {
      track.addEventListener("ended", () => {
        this.pause();
        this.state.change({ problem: "unplugged" });
      });
    }
  }

  private heard(samples: Int16Array<ArrayBuffer>): void {
    if (this.state.snapshot().phase !== "recording") return;
    this.levels.add(samples, this.seconds, this.recording.rate);
    this.delivery.add(samples);
    const loudest = this.levels.loudest(SILENT_SECONDS);
    this.state.change({ silent: loudest !== undefined && loudest < SILENT_PEAK });
    this.progress();
  }

  private finished(): void {
    this.letSleep?.();
    this.state.change({ phase: "finishing", silent: false, problem: null });
    this.delivery.stop();
    this.leaveScreen?.();
  }

  private progress(): void {
    const { audio } = this.delivery;
    this.state.change({
      seconds: this.seconds,
      unsentSeconds: this.delivery.seconds(audio.recorded - audio.confirmed),
      conversationId: this.delivery.conversationId,
    });
  }

  private events(): DeliveryEvents {
    return {
      connection: (connection) => this.state.change(connection === "open" ? { connection, loggedOut: false } : { connection }),
      progress: () => this.progress(),
      message: (message, id, begins) => this.message(message, id, begins),
      fault: (fault) => this.state.change({ fault }),
      loggedOut: () => {
        this.state.change({ loggedOut: true });
        void queryClient.invalidateQueries({ queryKey: meKey });
      },
      kept: (kept) => this.state.change({ kept }),
      parted: (id) =>
        this.state.change({ earlier: [...this.state.snapshot().earlier, id], conversationId: null, partial: null }),
      finished: (completed) => this.ended(completed),
      refused: () => {
        void this.capture?.stop();
        this.letSleep?.();
        this.release();
        this.state.change({ phase: "refused" });
        this.leaveScreen?.();
        this.sent();
      },
    };
  }

  private message(message: ServerMessage, conversationId: number, begins: number): void {
    const { lines } = this.state.snapshot();
    switch (message.type) {
      case "started":
        this.progress();
        break;
      case "segment":
        this.state.change({ lines: withLine(lines, lineOf(message.data, conversationId, begins)), partial: null });
        break;
      case "partial":
        this.state.change({ partial: partialOf(message.data, begins) });
        break;
      case "speaker_update":
        this.state.change({
          lines: withSpeakers(
            lines,
            message.data.segments.map((segment) => ({
              id: segment.segment_id,
              speakerId: segment.speaker_id,
              name: segment.speaker_name,
            })),
          ),
        });
        break;
    }
  }

  private ended(completed: CompletedData | null): void {
    this.progress();
    this.release();
    this.sent();
    const empty = completed?.concatenation_status === "empty";
    this.state.change({ phase: "finished", partial: null, fault: null, empty });
    void queryClient.invalidateQueries({ queryKey: conversationKeys.lists });
  }
}
