/** One connection of the live protocol. It ends once, for whatever reason. */
import { API } from "@/api/client";

import { parse, type ServerMessage, type StartMessage } from "./messages";

/** The server answers once the segments of a former connection are stored; who has waited so long asks again. */
const START_TIMEOUT_MS = 45_000;
/** Every frame of audio is answered once it is on disk. */
const ANSWER_TIMEOUT_MS = 20_000;
const ABNORMAL = 1006; // RFC 6455, 7.4.1

interface Handlers {
  message: (message: ServerMessage) => void;
  ended: (code: number) => void;
}

export class LiveSocket {
  private readonly socket = new WebSocket(`${API}/streaming/ws`);
  private timer: number | undefined;
  private isOver = false;

  constructor(
    start: StartMessage,
    private readonly handlers: Handlers,
  ) {
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.socket.send(JSON.stringify(start));
    this.socket.onmessage = ({ data }: MessageEvent<string>) => {
      this.disarm();
      handlers.message(parse(data));
    };
    this.socket.onclose = ({ code }) => this.end(code);
    this.arm(START_TIMEOUT_MS);
  }

  audio(samples: Int16Array<ArrayBuffer>): void {
    this.socket.send(samples);
    if (this.timer === undefined) this.arm(ANSWER_TIMEOUT_MS);
  }

  stop(): void {
    this.socket.send(JSON.stringify({ type: "stop" }));
  }

  /** Say that the client is there, while it has no audio to send. */
  keepAlive(): void {
    this.socket.send(JSON.stringify({ type: "pause" }));
  }

  /** End it now: a browser may wait long for the answer of a server that is out of reach. */
  end(code = ABNORMAL): void {
    if (this.isOver) return;
    this.isOver = true;
    this.disarm();
    this.socket.onclose = this.socket.onmessage = this.socket.onopen = null;
    this.socket.close();
    this.handlers.ended(code);
  }

  private arm(timeoutMs: number): void {
    this.timer = window.setTimeout(() => this.end(), timeoutMs);
  }

  private disarm(): void {
    window.clearTimeout(this.timer);
    this.timer = undefined;
  }
}
