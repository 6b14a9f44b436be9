/* Which refusals say that the same request can be answered: later, or without a field. */
import { answerOf, askedFields, objectAt } from './reading/body.ts';
import { type Exchange, headerOf } from './wire/exchange.ts';

/** Requests of one check that are sent again, at most. The plan says so. */
export const mostSentAgain = 12;
/** Longer waits are the user's: a check that stands still for minutes helps nobody. */
const longestWaitMs = 60_000;

/** Milliseconds that a refusal with status 429 or 503 asks the client to wait; undefined for any other answer, and where it asks for too long. */
export function askedWaitMs({ response }: Exchange): number | undefined {
  if (response?.status !== 429 && response?.status !== 503) return undefined;
  const milliseconds = headerOf(response, 'retry-after-ms') ?? '';
  const after = headerOf(response, 'retry-after') ?? '';
  const waitMs = /^\d+(\.\d+)?$/.test(milliseconds)
    ? Number(milliseconds)
    : /^\d+$/.test(after)
      ? Number(after) * 1_000
      : Date.parse(after) - Date.now();
  return waitMs <= longestWaitMs ? Math.max(0, waitMs) : undefined;
}

/** Fields that the model of an endpoint does not take. Reasoning models of OpenAI refuse two. */
export interface RefusedFields {
  /** Then `max_completion_tokens` takes its place. */
  max_tokens: boolean;
  /** Then it is left out where it is 0. */
  temperature: boolean;
}

/** The field that a refusal names and that the request can do without; undefined where there is none. */
export function refusedField(exchange: Exchange): keyof RefusedFields | undefined {
  if (exchange.response?.status !== 400) return undefined;
  const { param, message } = objectAt(answerOf(exchange), 'error');
  const sent = askedFields(exchange);
  // Some gateways keep the words of OpenAI and lose the param.
  const isOther = param === 'max_tokens' || /max_completion_tokens/.test(String(message));
  if (isOther && 'max_tokens' in sent) return 'max_tokens';
  return param === 'temperature' && sent['temperature'] === 0 ? 'temperature' : undefined;
}
