import type { Message } from './message-tree.ts';

export type Continuation =
  | { readonly isPossible: true }
  | { readonly isPossible: false; readonly reason: string };

/**
 * Whether the rest of an answer can be asked for; undefined where it has no rest. The request ends with the answer so far, from the
 * assistant. What a target makes of this is its own: this server passes the message on, and its engine begins another answer behind it.
 */
export function continuationOf(last: Message | undefined, model: string): Continuation | undefined {
  if (last?.role !== 'assistant' || last.facts === undefined) return undefined;
  const { state, finish, target, model: answeredBy } = last.facts;
  const isCutOff = state === 'stopped' || state === 'failed' || finish === 'length';
  if (!isCutOff) return undefined;
  if (last.calls !== undefined && last.calls.length > 0)
    return { isPossible: false, reason: 'An answer that calls functions cannot be continued.' };
  if (last.text === '') return { isPossible: false, reason: 'There is no text yet that could be continued.' };
  if (target?.startsWith('engine/') === true && answeredBy === model) {
    return {
      isPossible: false,
      reason: 'The local engine would begin a new answer: it does not continue a text that a client sends.',
    };
  }
  return { isPossible: true };
}
