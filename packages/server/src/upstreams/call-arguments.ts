import { createHash } from 'node:crypto';
import { sortedJson } from '../domain/sorted-json.ts';
import { createTextPieces } from '../domain/text-pieces.ts';
import { createValueReader, type ValueReader } from './value-reader.ts';

/**
 * The arguments of one tool call, made of the pieces of any provider: one JSON object, said once (contract, section 3).
 *
 *     before ──▶ inside ──▶ after         inside: the object is passed on piece by piece, as it comes
 *       └──────────────────▶ after        an object inside a JSON string (encoded twice) comes whole
 *
 * - before: `{}`, `[]`, `null`, `""` and white space carry nothing: some upstreams send them ahead of the real arguments. So
 *   the beginning of an object is held until its first key has come, and anything that does not begin like an object is held
 *   to its end. Nothing else is held.
 * - after: a value that carries nothing, or the same object again, is a repetition. Any other value is a conflict: it cannot be
 *   known which of the two is meant.
 *
 * The text of the object is kept, because a repetition is compared with it; the caller bounds it, by {@link size}. Time is linear
 * in the length of what comes.
 */
export interface CallArguments {
  /** Takes the next piece, which may end anywhere. */
  add(piece: string): void;
  /** What may be emitted and was not taken yet. */
  take(): string;
  /**
   * Ends the arguments: `{}` where none have come. `ranOut`: they ended because the answer ran out of tokens, so what was held
   * is emitted as it came. What comes later can only be a repetition.
   */
  end(ranOut: boolean): void;
  /** Decides what the next piece would decide: no more pieces will come. */
  settle(): void;
  /**
   * `none`: nothing, or white space. `empty`: only values that carry nothing. `begun`: a value is not at its end. `whole`: the
   * arguments are complete.
   */
  readonly state: 'none' | 'empty' | 'begun' | 'whole';
  /** A second value came, and it is not the first one again. */
  readonly conflict: boolean;
  /** Whether everything that came is one JSON object, said once or repeated. Meant for the time after {@link end}. */
  readonly valid: boolean;
  /** UTF-16 units that are kept or were emitted. */
  readonly size: number;
  /** Equal for equal objects, whatever their white space and the order of their keys. Meant for complete arguments. */
  digest(): string;
}

/** Creates the arguments of one call. */
export function createCallArguments(): CallArguments {
  return new Arguments();
}

class Arguments implements CallArguments {
  conflict = false;
  private phase: 'before' | 'inside' | 'after' = 'before';
  /** Reads the current value: the object itself, or one that comes before or after it. */
  private reader: ValueReader = createValueReader();
  /** White space before the first value. */
  private readonly lead = createTextPieces();
  private readonly out = createTextPieces();
  /** The text of the object; undefined while it is not complete. */
  private own: string | undefined;
  private ownDigest: string | undefined;
  private sawEmpty = false;
  /** The first value cannot be made an object. */
  private wrong = false;
  /** UTF-16 units of texts that are kept outside of the reader. */
  private kept = 0;

  get state(): CallArguments['state'] {
    if (this.phase === 'after') return this.reader.blank ? 'whole' : 'begun';
    if (this.phase === 'inside' || !this.reader.blank) return 'begun';
    return this.sawEmpty ? 'empty' : 'none';
  }

  get valid(): boolean {
    return this.phase === 'after' && this.reader.blank && !this.wrong && !this.conflict;
  }

  get size(): number {
    return this.kept + this.reader.size;
  }

  add(piece: string): void {
    let rest = piece;
    while (rest !== '') rest = this.read(rest);
  }

  take(): string {
    return this.out.length === 0 ? '' : this.out.take();
  }

  settle(): void {
    this.afterRead(this.reader.settle());
  }

  end(ranOut: boolean): void {
    this.afterRead(this.reader.settle(true));
    if (this.phase === 'after') {
      // The arguments are complete, so a repetition that was cut is dropped.
      if (ranOut && !this.reader.blank) this.reader = createValueReader();
      return;
    }
    if (this.phase === 'inside') return;
    if (!this.reader.blank || (ranOut && !this.sawEmpty && this.lead.length > 0)) {
      this.out.add(this.lead.take() + this.reader.text());
      return;
    }
    this.complete('{}');
    this.out.add('{}');
  }

  digest(): string {
    if (this.own === undefined) return digestOf('{}');
    this.ownDigest ??= digestOf(this.own);
    return this.ownDigest;
  }

  /** Reads up to the end of a value. Returns the rest. */
  private read(piece: string): string {
    if (this.reader.blank) {
      const [space = ''] = /^[ \t\r\n]*/.exec(piece) ?? [];
      if (space !== '') {
        this.kept += space.length;
        (this.phase === 'before' ? this.lead : this.out).add(space);
        return piece.slice(space.length);
      }
    }
    const rest = this.reader.push(piece);
    this.afterRead('');
    return rest;
  }

  /** Passes on what the reader has confirmed, and ends a value that is complete. `rest`: what came after that value. */
  private afterRead(rest: string): void {
    const { reader } = this;
    if (this.phase === 'before' && reader.isFilledObject) {
      this.phase = 'inside';
      this.out.add(this.lead.take());
    }
    if (this.phase === 'inside') this.out.add(reader.takeFresh());
    if (reader.closed) this.endValue(reader.text());
    if (rest !== '') this.add(rest);
  }

  private endValue(text: string): void {
    this.reader = createValueReader();
    if (this.phase === 'inside') {
      this.complete(text);
      return;
    }
    const meant = objectIn(text);
    if (this.phase === 'after') {
      if (meant !== '' && !this.isOwn(meant)) this.conflict = true;
      return;
    }
    if (meant === '') {
      this.sawEmpty = true;
      this.kept -= this.lead.length;
      this.lead.clear();
      return;
    }
    this.wrong = meant === undefined;
    this.complete(meant ?? text);
    this.out.add(this.lead.take() + (meant ?? text));
  }

  private complete(text: string): void {
    this.phase = 'after';
    this.own = text;
    this.kept += text.length;
  }

  private isOwn(text: string | undefined): boolean {
    const { own } = this;
    if (text === undefined || own === undefined) return false;
    if (text === own) return true;
    const sorted = sortedJson(text);
    return sorted !== undefined && sorted === sortedJson(own);
  }
}

function digestOf(text: string): string {
  return createHash('sha256')
    .update(sortedJson(text) ?? text)
    .digest('base64');
}

/**
 * The object that a JSON text means: the text itself, or the one inside a string (encoded twice, or more often). Empty where the
 * text carries nothing, undefined where it is no object. Each encoding doubles the backslashes of the one before, so a text
 * of n characters has at most log n of them.
 */
function objectIn(text: string): string | undefined {
  if (/^(?:null|\{\s*\}|\[\s*\])?$/.test(text)) return '';
  if (text.startsWith('{')) return text;
  if (!text.startsWith('"')) return undefined;
  const content: unknown = JSON.parse(text);
  if (typeof content !== 'string') return undefined;
  const inner = content.trim();
  if (inner === '') return '';
  const reader = createValueReader();
  const rest = reader.push(inner);
  return reader.closed && rest === '' ? objectIn(inner) : undefined;
}
