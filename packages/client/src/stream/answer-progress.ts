import type { ChatCompletionChunk, ChatCompletionChunkChoice } from '../types/chat.ts';

/** Which choices of a stream have finished. Success is a finish for each choice, never `[DONE]` or a polite end alone. */
export interface AnswerProgress {
  add(chunk: ChatCompletionChunk): void;
  /** Each choice has finished, and none said more afterwards. */
  readonly isFinished: boolean;
  /** Each choice has finished at some time: with `[DONE]` that counts, because some servers write a finish before their last words. */
  readonly hasFinishes: boolean;
  readonly hasUsage: boolean;
}

/** Servers say by these that they failed. */
const failures: ReadonlySet<string> = new Set(['error', 'abort']);

export function createAnswerProgress(choices: number): AnswerProgress {
  /** By the index of a choice: whether it is finished now. An index is here once its choice has been seen. */
  const seen = new Map<number, boolean>();
  const finished = new Set<number>();
  let hasUsage = false;
  return {
    add(chunk) {
      if (chunk.usage) hasUsage = true;
      for (const { index, delta, finish_reason: reason } of chunk.choices) {
        const word: string = reason || 'null';
        const hasFailed = failures.has(word);
        if (word !== 'null' && !hasFailed) {
          seen.set(index, true);
          finished.add(index);
        } else if (hasFailed || carriesOutput(delta) || !seen.has(index)) {
          seen.set(index, false);
          if (hasFailed) finished.delete(index);
        }
      }
    },
    get isFinished() {
      return seen.size >= choices && [...seen.values()].every(Boolean);
    },
    get hasFinishes() {
      return finished.size >= choices && finished.size === seen.size;
    },
    get hasUsage() {
      return hasUsage;
    },
  };
}

/** False for a choice that is only mentioned: neither output nor a finish. */
export function saysSomething({ delta, finish_reason: reason }: ChatCompletionChunkChoice): boolean {
  return !!reason || carriesOutput(delta);
}

/** `null`, `''`, `[]` and `{}` carry nothing, and the role is no output. */
function carriesOutput(delta: object | undefined): boolean {
  for (const name in delta) {
    const value: unknown = Reflect.get(delta, name);
    if (name === 'role' || value == null || value === '') continue;
    if (typeof value !== 'object' || Object.keys(value).length > 0) return true;
  }
  return false;
}
