import type { AnswerFacts } from '../chat/answer.ts';

export interface Phase {
  readonly name: 'Waiting' | 'Thinking' | 'Answering';
  readonly ms: number;
}

/** How the time of the answer was spent; empty where it is not known. */
export function phasesOf({ ttftMs, thoughtMs = 0, outputMs = 0 }: AnswerFacts): readonly Phase[] {
  if (ttftMs === undefined) return [];
  const phases: readonly Phase[] = [
    { name: 'Waiting', ms: ttftMs },
    { name: 'Thinking', ms: thoughtMs },
    { name: 'Answering', ms: outputMs - thoughtMs },
  ];
  return phases.filter(({ ms, name }) => ms > 0 || name === 'Waiting');
}
