import { isObject } from '../api/json.ts';
import type { AnswerFacts, PickedUp } from './answer.ts';
import type { GapLine } from './gap-record.ts';

const states = ['waiting', 'streaming', 'done', 'stopped', 'failed'] as const;
const numbers = [
  'ttftMs',
  'queueMs',
  'promptMs',
  'outputMs',
  'thoughtMs',
  'promptTokens',
  'completionTokens',
  'cachedTokens',
] as const;
const texts = ['finish', 'target', 'requestId', 'completionId', 'model'] as const;

/**
 * Reads the figures of an answer that came from outside: of another version of this page, or of another person. What does not fit is left
 * out; undefined where it is none at all.
 */
export function readFacts(value: unknown): AnswerFacts | undefined {
  if (!isObject(value) || typeof value['pieces'] !== 'number') return undefined;
  const state = states.find((one) => one === value['state']);
  if (state === undefined) return undefined;
  const known: Record<string, unknown> = {};
  for (const name of numbers) if (typeof value[name] === 'number') known[name] = value[name];
  for (const name of texts) if (typeof value[name] === 'string') known[name] = value[name];
  const { gaps, pickedUp } = value;
  return {
    ...known,
    state,
    pieces: value['pieces'],
    ...(isGapLine(gaps) ? { gaps } : {}),
    ...(isPickedUp(pickedUp) ? { pickedUp } : {}),
  };
}

function isPickedUp(value: unknown): value is PickedUp {
  if (!isObject(value)) return false;
  const { times, afterMs, isComplete } = value;
  return [times, afterMs].every((one) => typeof one === 'number') && typeof isComplete === 'boolean';
}

function isGapLine(value: unknown): value is GapLine {
  if (!isObject(value)) return false;
  const { longest, perPart, medianMs, longestMs } = value;
  const isLine = Array.isArray(longest) && longest.every((gap) => typeof gap === 'number');
  return isLine && [perPart, medianMs, longestMs].every((one) => typeof one === 'number');
}
