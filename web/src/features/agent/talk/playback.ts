import { TELEPHONE_RATE, decodeAll } from './mulaw';

/** How much is gathered before the agent is heard: what the network delays is not a gap then. In seconds. */
export const CUSHION_S = 0.06;

/** What plays sound. */
export interface Speaker {
  /** Its clock, in seconds. */
  now(): number;
  /** Plays samples at a moment of its clock, and says when they are over. Calling what it returns stops them. */
  play(samples: Float32Array<ArrayBuffer>, at: number, over: () => void): () => void;
}

interface Piece {
  stop: () => void;
  /** What is said once it was played. */
  marks: string[];
}

/** Plays what the agent says, in order, and says how far it has come. */
export class Playback {
  /** What is playing or will, in order. */
  private pieces: Piece[] = [];
  /** When the last piece ends. */
  private until = 0;

  constructor(
    private readonly speaker: Speaker,
    private readonly reached: (mark: string) => void,
  ) {}

  /** Plays this after what came before. */
  sound(bytes: Uint8Array): void {
    const samples = decodeAll(bytes);
    const now = this.speaker.now();
    const at = this.until > now ? this.until : now + CUSHION_S;
    this.until = at + samples.length / TELEPHONE_RATE;
    const piece: Piece = { stop: () => undefined, marks: [] };
    this.pieces.push(piece);
    piece.stop = this.speaker.play(samples, at, () => this.played(piece));
  }

  /** Says this back once everything before it was played. */
  mark(mark: string): void {
    const last = this.pieces.at(-1);
    if (last) last.marks.push(mark);
    else this.reached(mark);
  }

  /** Drops what was not played yet: the agent was interrupted. */
  clear(): void {
    const dropped = this.pieces;
    this.pieces = [];
    this.until = 0;
    for (const { stop, marks } of dropped) {
      stop();
      marks.forEach(this.reached);
    }
  }

  private played(piece: Piece): void {
    const index = this.pieces.indexOf(piece);
    // It was dropped, and its marks were said.
    if (index < 0) return;
    for (const { marks } of this.pieces.splice(0, index + 1)) marks.forEach(this.reached);
  }
}
