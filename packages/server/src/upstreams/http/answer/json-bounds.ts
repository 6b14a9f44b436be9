import type { Failure } from '../../../domain/failure.ts';
import { type JsonBounds, measureJson } from '../../../domain/measure-json.ts';
import { answerTooLarge } from './answer-budget.ts';

/**
 * What one event of a stream may be made of, so that no event holds the loop for long: at the worst some 0.1 s, for
 * what is handed on is parsed twice. An ordinary event of 1 MiB is one long text; 160 tokens with 20 log probabilities
 * each are 10,000 fields.
 */
const eventJson: JsonBounds = { maxDepth: 1_000, maxFields: 10_000, maxValues: 50_000 };
/** The same of one JSON answer where a stream was asked for: it may hold what many events do. */
const wholeAnswerJson: JsonBounds = { maxDepth: 1_000, maxFields: 25_000, maxValues: 100_000 };
/** Up to here nothing is scanned: what fits into it, 7,000 fields, takes 20 ms, and nearly every event is smaller. */
const unscannedLength = 64 * 1024;

/** Why an event is not parsed; undefined where it may be. */
export function eventBeyondBounds(data: string): Failure | undefined {
  return data.length <= unscannedLength ? undefined : beyond(Buffer.from(data), eventJson, 'an event');
}

/** Why a whole answer in JSON is not parsed; undefined where it may be. */
export function answerBeyondBounds(bytes: Uint8Array): Failure | undefined {
  return beyond(bytes, wholeAnswerJson, 'a JSON answer');
}

function beyond(bytes: Uint8Array, bounds: JsonBounds, what: string): Failure | undefined {
  const { type } = measureJson(bytes, bounds);
  switch (type) {
    case 'within':
      return undefined;
    case 'deep':
      return answerTooLarge(`${what} that nests deeper than ${bounds.maxDepth} levels`);
    case 'fields':
      return answerTooLarge(`${what} with more than ${bounds.maxFields} fields`);
    case 'values':
      return answerTooLarge(`${what} with more than ${bounds.maxValues} values`);
  }
}
