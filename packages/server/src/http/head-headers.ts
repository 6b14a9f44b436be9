import type { Head } from '../relay/reader.ts';
import type { AnswerHeaders } from './exchange.ts';

/** The headers that are known at the commit: which target answers, and how long it took to begin, where it knows that. */
export function headersOf({ target, phases }: Partial<Pick<Head, 'target' | 'phases'>>): AnswerHeaders {
  const headers: AnswerHeaders = {};
  // Names come from the configuration and may be any text; a header may not.
  if (target !== undefined) headers['tailrace-target'] = target.replace(/[^\x21-\x7e]/g, '?');
  // https://www.w3.org/TR/server-timing/: browsers show it beside the request.
  if (phases !== undefined)
    headers['server-timing'] = `queue;dur=${whole(phases.queueMs)}, prompt;dur=${whole(phases.promptMs)}`;
  return headers;
}

function whole(ms: number): number {
  return Math.max(0, Math.round(ms));
}
