/** What was recorded, until the server has confirmed that it is on its disk. Positions are samples since the beginning. */

export interface Piece {
  /** The position of its first sample. */
  at: number;
  samples: Int16Array<ArrayBuffer>;
}

export class UnsentAudio {
  private pieces: Piece[] = [];
  private sent: number;

  /** `confirmed`: the position up to which the server has everything; `pieces` follow each other. */
  constructor(
    private position = 0,
    pieces: readonly Piece[] = [],
  ) {
    this.pieces = pieces.filter(({ at, samples }) => at + samples.length > position);
    this.sent = position;
  }

  /** The end of what the server has. */
  get confirmed(): number {
    return this.position;
  }

  /** The end of what was recorded. */
  get recorded(): number {
    const last = this.pieces.at(-1);
    return last ? last.at + last.samples.length : this.position;
  }

  /** The position of the first piece that is kept: those before it are confirmed. */
  get firstKept(): number {
    return this.pieces[0]?.at ?? this.position;
  }

  /** Samples that were sent and are not confirmed. */
  get onTheWay(): number {
    return this.sent - this.position;
  }

  get allSent(): boolean {
    return this.sent >= this.recorded;
  }

  get allConfirmed(): boolean {
    return this.position >= this.recorded;
  }

  add(samples: Int16Array<ArrayBuffer>): Piece {
    const piece = { at: this.recorded, samples };
    this.pieces.push(piece);
    return piece;
  }

  /** The server has everything before a position. */
  confirm(position: number): void {
    this.position = Math.min(Math.max(this.position, position), this.recorded);
    this.sent = Math.max(this.sent, this.position);
    const kept = this.pieces.findIndex(({ at, samples }) => at + samples.length > this.position);
    if (kept) this.pieces.splice(0, kept < 0 ? this.pieces.length : kept);
  }

  /** A new connection: what is not confirmed must be sent again. */
  rewind(): void {
    this.sent = this.position;
  }

  /** The next samples to send, of one piece at most; undefined if there are none. */
  next(): Int16Array<ArrayBuffer> | undefined {
    const piece = this.pieces.find(({ at, samples }) => at + samples.length > this.sent);
    if (!piece) return undefined;
    const samples = piece.samples.subarray(this.sent - piece.at);
    this.sent += samples.length;
    return samples;
  }

  /** All samples that the server has not confirmed. */
  rest(): Int16Array<ArrayBuffer> {
    const joined = new Int16Array(this.recorded - this.firstKept);
    for (const { at, samples } of this.pieces) joined.set(samples, at - this.firstKept);
    return joined.subarray(this.position - this.firstKept);
  }
}
