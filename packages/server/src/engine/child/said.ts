import type { TokenLogprobWire } from '@tailrace/protocol';

/** What an answer says, piece by piece: from the reader to whoever tells it. */
export type Said =
  | {
      readonly type: 'text';
      readonly text: string;
      readonly tokens: number;
      readonly logprobs?: readonly TokenLogprobWire[];
    }
  | { readonly type: 'reasoning'; readonly text: string; readonly tokens: number }
  | { readonly type: 'call'; readonly index: number; readonly name: string }
  | { readonly type: 'arguments'; readonly index: number; readonly text: string };
