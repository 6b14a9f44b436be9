/** Removes the beginning that an answer must repeat: the client has it already. */
export interface RepeatedBeginning {
  /** The part of the next piece after the beginning; undefined where the answer differs from the beginning. */
  take(piece: string): string | undefined;
  /** Whether the whole beginning has come. */
  readonly complete: boolean;
}

/** Creates a remover for one answer. `beginning` may be empty. */
export function createRepeatedBeginning(beginning: string): RepeatedBeginning {
  return beginning === '' ? nothing : new Remover(beginning);
}

class Remover implements RepeatedBeginning {
  private missing: string;

  constructor(beginning: string) {
    this.missing = beginning;
  }

  get complete(): boolean {
    return this.missing === '';
  }

  take(piece: string): string | undefined {
    const { missing } = this;
    if (missing === '') return piece;
    const length = Math.min(missing.length, piece.length);
    if (piece.slice(0, length) !== missing.slice(0, length)) return undefined;
    this.missing = missing.slice(length);
    return piece.slice(length);
  }
}

/** Nearly every answer repeats nothing, and this remover has no state. */
const nothing = new Remover('');
