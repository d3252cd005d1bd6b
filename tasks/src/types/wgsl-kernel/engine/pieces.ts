// How a dispatch is cut along one axis so that each submit stays short: start with one workgroup, measure, grow. Pure, so that
// the law "the pieces cover the whole, once, in order" is tested without a GPU.

export interface Piece {
  readonly from: number;
  readonly count: number;
}

/** Most workgroups of one submit, whatever the clock says: what can not be measured is bounded. */
export const MAX_WORKGROUPS_PER_SUBMIT = 1_048_576;
const MAX_PER_AXIS = 65_535;
const MAX_GROWTH = 4;
/** Aim below the goal: the next piece may be heavier than the last. */
const AIM = 0.7;

export class Cutter {
  private readonly total: number;
  private readonly goalMs: number;
  private readonly mostPerPiece: number;
  private next = 0;
  private size = 1;

  /** @param across workgroups along the two other axes, multiplied */
  constructor(total: number, across: number, goalMs: number) {
    this.total = total;
    this.goalMs = goalMs;
    this.mostPerPiece = Math.max(1, Math.min(MAX_PER_AXIS, Math.floor(MAX_WORKGROUPS_PER_SUBMIT / across)));
  }

  get doneFraction(): number {
    return this.next / this.total;
  }

  /** The next piece, or null when everything was handed out. */
  take(): Piece | null {
    if (this.next >= this.total) return null;
    const piece = { from: this.next, count: Math.min(this.size, this.mostPerPiece, this.total - this.next) };
    this.next += piece.count;
    return piece;
  }

  /** How long the last piece took. */
  took(piece: Piece, ms: number): void {
    const fits = (piece.count * this.goalMs * AIM) / Math.max(ms, 0.05);
    this.size = Math.max(1, Math.floor(Math.min(fits, piece.count * MAX_GROWTH)));
  }
}
