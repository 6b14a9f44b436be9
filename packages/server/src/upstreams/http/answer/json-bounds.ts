import type { Failure } from '../../../domain/failure.ts';
import { type JsonBounds, measureJson } from '../../../domain/measure-json.ts';
import { answerTooLarge } from './answer-budget.ts';

/**
 * Bounds for the JSON of one event, so that no event blocks the event loop for long: 0.1 s in the worst case, because JSON that
 * is passed on is parsed twice. An ordinary event of 1 MiB is one long text; 160 tokens with 20 log probabilities each have
 * 10,000 fields.
 */
const eventJson: JsonBounds = { maxDepth: 1_000, maxFields: 10_000, maxValues: 50_000 };
/** Bounds for an answer that comes as one JSON text: it may hold what many events hold. */
const wholeAnswerJson: JsonBounds = { maxDepth: 1_000, maxFields: 25_000, maxValues: 100_000 };
/** Texts up to this length are not measured: 7,000 fields fit into it and take 20 ms. Nearly every event is smaller. */
const unscannedLength = 64 * 1024;

/** The failure for an event that is not parsed because of its size; undefined where it may be parsed. */
export function eventBeyondBounds(data: string): Failure | undefined {
  return data.length <= unscannedLength ? undefined : beyond(Buffer.from(data), eventJson, 'an event');
}

/** The same for an answer that came as one JSON text. */
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
