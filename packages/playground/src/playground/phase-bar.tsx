import type { ReactNode } from 'react';
import type { AnswerFacts } from '../chat/answer.ts';
import { duration } from '../elements/format.ts';

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

/** The phases as a thin line in place of a rule. Its words are under `Details`. */
export function PhaseBar({ facts }: { facts: AnswerFacts }): ReactNode {
  const phases = phasesOf(facts);
  return (
    <div className={facts.state === 'waiting' ? 'phases busy' : 'phases'} aria-hidden="true">
      {phases.map(({ name, ms }) => (
        <span
          key={name}
          className={name.toLowerCase()}
          style={{ flexGrow: Math.max(ms, 1) }}
          title={`${name} ${duration(ms)}`}
        />
      ))}
    </div>
  );
}
