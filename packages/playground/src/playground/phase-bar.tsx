import type { ReactNode } from 'react';
import type { AnswerFacts } from '../chat/answer.ts';
import { duration } from '../elements/format.ts';

export interface Phase {
  readonly name: keyof typeof looks;
  readonly ms: number;
}

/** The class of each phase. */
export const looks = {
  Queue: 'queue',
  Prompt: 'prompt',
  'Network and rest': 'waiting',
  Waiting: 'waiting',
  Thinking: 'thinking',
  Answering: 'answering',
} as const;

/**
 * How the time of the answer was spent; empty where it is not known. An answer that comes whole has been made in its wait: what is left
 * of that is then not the network's.
 */
export function phasesOf(facts: AnswerFacts): readonly Phase[] {
  const { ttftMs, queueMs, promptMs, thoughtMs = 0, outputMs = 0 } = facts;
  if (ttftMs === undefined) return [];
  const output: readonly Phase[] = [
    { name: 'Thinking', ms: thoughtMs },
    { name: 'Answering', ms: outputMs - thoughtMs },
  ];
  const shown = output.filter(({ ms }) => ms > 0);
  if (queueMs === undefined || promptMs === undefined) return [{ name: 'Waiting', ms: ttftMs }, ...shown];
  return [
    { name: 'Queue', ms: queueMs },
    { name: 'Prompt', ms: promptMs },
    { name: outputMs > 0 ? 'Network and rest' : 'Waiting', ms: Math.max(0, ttftMs - queueMs - promptMs) },
    ...shown,
  ];
}

/** The phases as a thin line in place of a rule. Its words are under `Details`. */
export function PhaseBar({ facts }: { facts: AnswerFacts }): ReactNode {
  const phases = phasesOf(facts);
  return (
    <div className={facts.state === 'waiting' ? 'phases busy' : 'phases'} aria-hidden="true">
      {phases.map(({ name, ms }) => (
        <span
          key={name}
          className={looks[name]}
          style={{ flexGrow: Math.max(ms, 1) }}
          title={`${name} ${duration(ms)}`}
        />
      ))}
    </div>
  );
}
