import type { TokenLogprobWire } from '@tailrace/protocol';

/** A piece of an answer, as the answer reader passes it to the scheduler. */
export type AnswerPiece =
  | {
      readonly type: 'text';
      readonly text: string;
      readonly tokens: number;
      readonly logprobs?: readonly TokenLogprobWire[];
    }
  | { readonly type: 'reasoning'; readonly text: string; readonly tokens: number }
  | { readonly type: 'call'; readonly index: number; readonly name: string }
  | { readonly type: 'arguments'; readonly index: number; readonly text: string };
