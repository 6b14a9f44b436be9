import type { Message } from './message-tree.ts';

export type Continuation =
  | { readonly isPossible: true }
  | { readonly isPossible: false; readonly reason: string };

/**
 * Whether the rest of an answer can be asked for; undefined where it has no rest. `capabilities`: what the model of the chat honours,
 * undefined where the server does not say.
 */
export function continuationOf(
  last: Message | undefined,
  capabilities: readonly string[] | undefined,
): Continuation | undefined {
  if (last?.role !== 'assistant' || last.facts === undefined) return undefined;
  const { state, finish } = last.facts;
  const isCutOff = state === 'stopped' || state === 'failed' || finish === 'length';
  if (!isCutOff) return undefined;
  if (last.calls !== undefined && last.calls.length > 0)
    return { isPossible: false, reason: 'An answer that calls functions cannot be continued.' };
  if (last.text === '') return { isPossible: false, reason: 'There is no text yet that could be continued.' };
  if (capabilities?.includes('continued_answer') === false)
    return { isPossible: false, reason: 'This model takes no beginning of an answer.' };
  return { isPossible: true };
}
