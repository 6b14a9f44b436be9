import type { TokenLogprobWire } from '@tailrace/protocol';
import type { AnswerPiece } from './answer-piece.ts';

/** Counts the tokens of the text that leaves. */
export function createTokenAccount() {
  let waiting: {
    readonly from: number;
    readonly end: number;
    readonly logprob: TokenLogprobWire | undefined;
  }[] = [];
  let lastEnd = 0;
  let uncounted = 0;
  let entries: TokenLogprobWire[] = [];
  let first = 0;
  let isText = false;
  let ended = false;

  return {
    /** Adds a token. `end`: the place in the decoded text where its text ends. */
    add(end: number, logprob: TokenLogprobWire | undefined): void {
      waiting.push({ from: lastEnd, end, logprob });
      lastEnd = end;
    },
    /** Ends the text at this place: tokens that begin before it count, later ones do not. */
    stop(at: number): void {
      const parts = waiting.filter(({ from }) => from < at);
      waiting = [];
      uncounted += parts.length;
      for (const { logprob } of parts) if (logprob !== undefined) entries.push(logprob);
      ended = true;
    },
    /** True where tokens wait to be reported with the next text. */
    pending: () => entries.length > 0,
    /** Resolves the tokens before this place: no text before it is held. `text`: they belong to the answer's text. */
    resolve(upTo: number, text: boolean): void {
      first = entries.length;
      if (ended) {
        isText = true;
        return;
      }
      while (waiting[0] !== undefined && waiting[0].end <= upTo) {
        const { logprob } = waiting[0];
        waiting.shift();
        uncounted++;
        if (logprob !== undefined) entries.push(logprob);
      }
      isText = text;
    },
    attach(said: readonly AnswerPiece[]): readonly AnswerPiece[] {
      const last = said.findLastIndex(({ type }) => type === 'text' || type === 'reasoning');
      const lastText = said.findLastIndex(({ type }) => type === 'text');
      if (lastText === -1 && !isText) entries = entries.slice(0, first);
      return said.map((piece, index): AnswerPiece => {
        if (piece.type !== 'text' && piece.type !== 'reasoning') return piece;
        const counted = index === last ? uncounted : 0;
        if (index === last) uncounted = 0;
        if (index !== lastText || piece.type !== 'text') return { ...piece, tokens: counted };
        const logprobs = entries;
        entries = [];
        return { ...piece, tokens: counted, ...(logprobs.length > 0 ? { logprobs } : {}) };
      });
    },
  };
}
