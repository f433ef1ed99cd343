/** Brings a recording to the server: sends it, goes on after interruptions, and keeps what the server has not confirmed. */
import { isOwnerLoggedIn } from "@/api/me";
import { UnsentAudio } from "@/lib/recording/unsentAudio";
import * as store from "@/lib/recording/unfinishedStore";
import type { Unfinished } from "@/lib/recording/unfinishedStore";

import { afterEnd, delayMs } from "./closing";
import type { CompletedData, ServerMessage, StartMessage } from "./messages";
import { LiveSocket } from "./socket";

const KEEP_ALIVE_MS = 15_000;
/** Audio that may be on the way: more would wait in the browser anyway. */
const ON_THE_WAY_SECONDS = 8;
const SERVER_RATE_HZ = 16_000;
/** What the server's resampler holds back until the audio ends, where the browser could not convert to the server's rate. */
const HELD_BACK_SECONDS = 0.1;

export interface DeliveryEvents {
  connection: (connection: "connecting" | "open" | "lost") => void;
  /** Something was confirmed. */
  progress: () => void;
  /** `begins`: seconds in the recording at which the conversation begins. */
  message: (message: ServerMessage, conversationId: number, begins: number) => void;
  fault: (sentence: string | null) => void;
  /** Another person than the one who records is logged in, or nobody: nothing is sent. */
  loggedOut: () => void;
  kept: (kept: boolean) => void;
  /** The server has finished a conversation before the recording ended: the rest becomes another one. */
  parted: (conversationId: number) => void;
  /** All audio is at the server; `completed` is null where its last message did not arrive. */
  finished: (completed: CompletedData | null) => void;
  refused: () => void;
}

export class Delivery {
  private socket: LiveSocket | null = null;
  private started = false;
  private stopping = false;
  private stopSent = false;
  private endedByServer = false;
  /** The recording is over, and so is the conversation: the rest is uploaded. */
  private uploads = false;
  private attempt = 0;
  /** The next attempt, between two of them. */
  private retry: number | undefined;
  private saving = false;
  private saveAgain = false;
  private over = false;
  private readonly keepAlive: number;

  constructor(
    private readonly recording: Unfinished,
    readonly audio: UnsentAudio,
    private readonly events: DeliveryEvents,
  ) {
    this.keepAlive = window.setInterval(() => {
      if (this.started) this.socket?.keepAlive();
    }, KEEP_ALIVE_MS);
    window.addEventListener("online", this.sendNow);
    this.save();
    void this.send();
  }

  get conversationId(): number | null {
    return this.recording.conversation?.id ?? null;
  }

  seconds(samples: number): number {
    return samples / this.recording.rate;
  }

  add(samples: Int16Array<ArrayBuffer>): void {
    const piece = this.audio.add(samples);
    store.addPiece(this.recording.id, piece).catch(() => this.events.kept(false));
    this.pump();
  }

  /** No more audio comes. */
  stop(): void {
    this.stopping = true;
    this.pump();
  }

  /** Stop working on it; what is unsent stays in the browser. */
  close(): void {
    this.over = true;
    window.clearInterval(this.keepAlive);
    window.clearTimeout(this.retry);
    window.removeEventListener("online", this.sendNow);
    this.socket?.end();
  }

  private sendNow = (): void => {
    if (this.retry === undefined) return;
    window.clearTimeout(this.retry);
    void this.send();
  };

  /** What is sent belongs to whoever is logged in: while that is not the person who records, it is kept. */
  private async send(): Promise<void> {
    this.retry = undefined;
    if (this.attempt === 0) this.events.connection("connecting");
    try {
      const isOwn = await isOwnerLoggedIn();
      if (this.over) return;
      if (isOwn && this.uploads) await this.upload();
      else if (isOwn) this.connect();
      else {
        this.events.loggedOut();
        this.sendLater();
      }
    } catch (error) {
      this.events.fault(error instanceof Error ? error.message : String(error));
      this.sendLater();
    }
  }

  private sendLater(): void {
    if (this.over) return;
    this.events.connection("lost");
    this.retry = window.setTimeout(() => void this.send(), delayMs(this.attempt++, Math.random()));
  }

  private connect(): void {
    this.started = this.stopSent = this.endedByServer = false;
    this.audio.rewind();
    const resuming = this.recording.conversation !== null;
    this.socket = new LiveSocket(startMessage(this.recording), {
      message: (message) => this.receive(message),
      ended: (code) => this.ended(code, resuming),
    });
  }

  private pump(): void {
    if (!this.started || !this.socket || this.endedByServer) return;
    while (this.seconds(this.audio.onTheWay) < ON_THE_WAY_SECONDS) {
      const samples = this.audio.next();
      if (!samples) break;
      this.socket.audio(samples);
    }
    if (this.stopping && this.audio.allSent && !this.stopSent) {
      this.stopSent = true;
      this.socket.stop();
    }
  }

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case "started": {
        const { conversation_id: id, resume_token, total_audio_seconds } = message.data;
        this.recording.conversation = { id, token: resume_token ?? this.recording.conversation?.token ?? "" };
        if (total_audio_seconds !== undefined) this.confirm(total_audio_seconds);
        this.started = true;
        this.attempt = 0;
        this.save();
        this.events.fault(null);
        this.events.connection("open");
        break;
      }
      case "status":
        this.confirm(message.data.stats.total_audio_seconds);
        break;
      case "error":
        this.events.fault(message.data.message);
        break;
      case "completed":
        if (this.stopSent) {
          this.finish(message.data);
          return;
        }
        this.endedByServer = true; // the longest recording, or a full disk
        this.events.fault(message.data.message);
        break;
    }
    if (this.conversationId !== null) this.events.message(message, this.conversationId, this.seconds(this.recording.base));
    this.pump();
  }

  private confirm(seconds: number): void {
    this.audio.confirm(this.recording.base + Math.round(seconds * this.recording.rate));
    this.save();
    this.events.progress();
  }

  private ended(code: number, resuming: boolean): void {
    this.socket = null;
    if (this.over) return;
    const heldBack = this.recording.rate === SERVER_RATE_HZ ? 0 : HELD_BACK_SECONDS;
    const delivered = this.stopSent && this.seconds(this.audio.recorded - this.audio.confirmed) <= heldBack;
    const next = this.endedByServer ? "afresh" : afterEnd({ code, started: this.started, resuming, delivered });
    this.started = false;
    if (next === "done") this.finish(null);
    else if (next === "refused") this.refuse();
    else if (next === "afresh") this.beginAfresh();
    else this.sendLater();
  }

  /** The server no longer continues the conversation: what it lacks becomes one of its own. */
  private beginAfresh(): void {
    const former = this.conversationId;
    this.recording.conversation = null;
    this.recording.base = this.audio.confirmed;
    this.save();
    if (former !== null) this.events.parted(former);
    this.uploads = this.stopping;
    if (this.uploads && this.audio.allConfirmed) this.finish(null);
    else void this.send();
  }

  private async upload(): Promise<void> {
    const { upload } = await import("./upload");
    this.recording.conversation = { id: await upload(this.recording, this.audio.rest()), token: "" };
    this.audio.confirm(this.audio.recorded);
    this.finish(null);
  }

  private finish(completed: CompletedData | null): void {
    this.close();
    store.remove(this.recording.id).catch(() => this.events.kept(false));
    this.events.finished(completed);
  }

  private refuse(): void {
    this.close();
    this.events.refused();
  }

  /** One change of the database at a time; the last state is stored. */
  private save(): void {
    if (this.saving) {
      this.saveAgain = true;
      return;
    }
    this.saving = true;
    this.saveAgain = false;
    this.recording.confirmed = this.audio.confirmed;
    store
      .save(this.recording, this.audio.firstKept)
      .catch(() => this.events.kept(false))
      .finally(() => {
        this.saving = false;
        if (this.saveAgain && !this.over) this.save();
      });
  }
}

export function startMessage({ options, rate, conversation }: Unfinished): StartMessage {
  return {
    type: "start",
    encoding: "int16",
    sample_rate: rate,
    partials: true,
    speaker_update: true,
    resumable: true,
    ...(options.language && { language: options.language }),
    ...(options.title && { title: options.title }),
    ...(options.numSpeakers && { num_speakers: options.numSpeakers }),
    ...(options.hotwords && { hotwords: options.hotwords }),
    ...(conversation && { conversation_id: conversation.id, resume_token: conversation.token }),
  };
}
