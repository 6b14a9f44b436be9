import type { ChunkChoice } from './chunk.ts';
import type { OutputPiece } from './content.ts';

type Kind = 'text' | 'reasoning' | 'refusal';

/** How much of a beginning is kept for the comparison, in UTF-16 units. */
const keptLength = 64;

/**
 * What a choice has said in deltas. Some upstreams (MiniMax) close such a choice with its whole message, which the client has
 * already. It is compared by its beginning only: the fast path emits text that this object does not see.
 */
export class SaidInDeltas {
  /** True once a closing message was read: the choice leaves the fast path. */
  closed = false;
  private inDeltas = false;
  /** The first piece of each kind, as it was written. */
  private text: string | undefined;
  private reasoning: string | undefined;
  private refusal: string | undefined;
  /** The first text as it came: it may begin with the tag of reasoning. */
  private given: string | undefined;
  private details = false;
  private fields: Set<string> | undefined;

  /** Notes a delta with output. */
  delta({ text, details }: ChunkChoice): void {
    this.inDeltas = true;
    if (text !== '') this.given ??= beginningOf(text);
    if (details.length > 0) this.details = true;
  }

  /** Notes a piece that is written. */
  wrote(kind: Kind, piece: string): void {
    if (piece !== '') this[kind] ??= beginningOf(piece);
  }

  /** Notes a field that our stream does not name. */
  wroteField(field: string): void {
    this.fields ??= new Set();
    this.fields.add(field);
  }

  /** Whether an answer has come: a text, a refusal or a field that our stream does not name. Thoughts are none. */
  get answers(): boolean {
    return this.text !== undefined || this.refusal !== undefined || this.fields !== undefined;
  }

  /** Whether a delta closes the choice: it is a whole message after deltas. */
  isClosedBy({ whole }: ChunkChoice): boolean {
    return whole && this.inDeltas;
  }

  /**
   * What a closing message says for the first time. Undefined where a kind of its output does not begin as that in the deltas
   * did: it may be new output. `called`: calls have come; those of the message are then found by what they are, because the
   * message counts them in its own way.
   */
  restOf(message: ChunkChoice, called: boolean): ChunkChoice | undefined {
    this.closed = true;
    const { text, reasoning, refusal, others, calls, details, logprobs, ...rest } = message;
    if (!this.repeats('text', text) || !this.repeats('reasoning', reasoning)) return undefined;
    if (!this.repeats('refusal', refusal)) return undefined;
    const left = others?.filter((piece) => !this.has(piece)) ?? [];
    const hasText = this.has({ kind: 'text' });
    return {
      ...rest,
      text: hasText ? '' : text,
      reasoning: this.has({ kind: 'reasoning' }) ? '' : reasoning,
      refusal: this.has({ kind: 'refusal' }) ? '' : refusal,
      calls: called ? calls.map(({ index: _, ...call }) => call) : calls,
      details: this.details ? [] : details,
      others: left.length === 0 ? undefined : left,
      ...(logprobs === undefined || hasText ? {} : { logprobs }),
    };
  }

  private has(piece: { readonly kind: Kind } | OutputPiece): boolean {
    if (piece.kind === 'other') return this.fields?.has(piece.field) === true;
    return this[piece.kind] !== undefined || (piece.kind === 'text' && this.given !== undefined);
  }

  private repeats(kind: Kind, said: string): boolean {
    const firsts = [this[kind], kind === 'text' ? this.given : undefined];
    const known = firsts.filter((first) => first !== undefined);
    if (said.trim() === '' || known.length === 0) return true;
    return known.some((first) => said.trimStart().startsWith(first.trim()));
  }
}

/** The beginning of a text, joined of two parts: a slice would keep the whole text. */
function beginningOf(text: string): string {
  if (text.length <= keptLength) return text;
  return [text.slice(0, keptLength / 2), text.slice(keptLength / 2, keptLength)].join('');
}
