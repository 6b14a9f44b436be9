import { viewOf } from '../reading/stream-view.ts';
import type { Exchange, Recording } from '../wire/exchange.ts';
import type { Rule } from './rule.ts';

/**
 * Whether the timeout of the check has cut an answer. What is missing then says nothing of the endpoint: it would have come later. A
 * stream that has said its last word, and whose body does not end, is not slow.
 */
export function isTooSlow(exchange: Exchange): boolean {
  // The rule on connections asks whether there was a next request at all.
  if (exchange.end !== 'timeout' || exchange.name.endsWith('/next')) return false;
  const { done, errors } = viewOf(exchange);
  return done === undefined && errors.length === 0;
}

/**
 * A recording without the answers that were too slow, and these. Exchanges of which one asks about another (`cancel/order` about
 * the stream `cancel`) are left out together: what is missing of one would look like a fault of the other.
 */
export function leaveOutSlow(recording: Recording): {
  readonly rest: Recording;
  readonly slow: readonly Exchange[];
} {
  const slow = [...recording.values()].filter(isTooSlow);
  if (slow.length === 0) return { rest: recording, slow };
  const together = (name: string): string => {
    const [stem = name] = name.split('/', 1);
    return recording.has(stem) ? stem : name;
  };
  const left = new Set(slow.map(({ name }) => together(name)));
  return { rest: new Map([...recording].filter(([name]) => !left.has(together(name)))), slow };
}

/** Why a rule was not judged, where answers that it needs were too slow. */
export function whyTooSlow({ probes }: Rule, slow: readonly Exchange[]): string | undefined {
  const own = slow.filter(({ name }) =>
    probes.some((probe) => name === probe || name.startsWith(`${probe}/`)),
  );
  if (own.length === 0) return undefined;
  return `${own[0]?.problem ?? 'no end in time'}: ${own.map(({ name }) => name).join(', ')}`;
}
