import { isObject } from '../api/failure.ts';
import type { AnswerFacts } from './answer.ts';

const states = ['waiting', 'streaming', 'done', 'stopped', 'failed'] as const;
const numbers = ['ttftMs', 'outputMs', 'promptTokens', 'completionTokens'] as const;
const texts = ['finish', 'target', 'requestId', 'model'] as const;

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
  return { ...known, state, pieces: value['pieces'] };
}
