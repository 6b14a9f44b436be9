import type { PickedUp } from '../../chat/answer.ts';
import { pickedUpWords } from '../answer-meters.tsx';
import type { Attempt, SeenEnding, Story } from './lab-api.ts';

/** One line of a story. */
export interface StoryStep {
  /** Milliseconds since the server took the request; undefined where they are not known. */
  readonly atMs: number | undefined;
  readonly kind: 'asked' | 'retry' | 'failover' | 'takeover' | 'failed' | 'answered' | 'reconnected' | 'end';
  readonly text: string;
  readonly target?: string;
  readonly code?: string;
}

/** The attempts in the order in which things happened, then what became of the connection, then the end. */
export function storySteps(
  story: Story | undefined,
  pickedUp: PickedUp | undefined,
  ending: SeenEnding | undefined,
): readonly StoryStep[] {
  const attempts = story?.attempts ?? [];
  return [
    ...attempts.flatMap((attempt, index) => stepsOf(attempt, attempts.slice(0, index), ending)),
    ...(pickedUp === undefined
      ? []
      : [
          step(
            'reconnected',
            undefined,
            `Your connection broke and was picked up ${pickedUpWords(pickedUp)}.`,
          ),
        ]),
    ...(ending === undefined ? [] : [endStep(ending)]),
  ];
}

function stepsOf(
  attempt: Attempt,
  before: readonly Attempt[],
  ending: SeenEnding | undefined,
): readonly StoryStep[] {
  const { outcome, failure, delivered_tokens: tokens } = attempt;
  const asked = askStep(attempt, before);
  const endedMs = attempt.ended_ms ?? undefined;
  if (outcome === 'failed') {
    const after = tokens === null || tokens === 0 ? 'before its first word' : `after ${tokensOf(tokens)}`;
    const text = failure === null ? 'It failed.' : `It failed ${after}:`;
    return [asked, { ...step('failed', endedMs, text), ...(failure === null ? {} : { code: failure }) }];
  }
  if (outcome !== 'served') return [asked];
  if (endedMs === undefined && ending === undefined)
    return [asked, step('answered', undefined, 'It answers.')];
  return [
    asked,
    step('answered', endedMs, tokens === null ? 'It answered.' : `It answered: ${tokensOf(tokens)}.`),
  ];
}

function askStep({ target, mode, asked_ms: askedMs }: Attempt, before: readonly Attempt[]): StoryStep {
  const last = before.at(-1);
  const at = { atMs: askedMs ?? undefined, target };
  if (mode === 'prefix') {
    const delivered = before.reduce((sum, one) => sum + (one.delivered_tokens ?? 0), 0);
    return { ...at, kind: 'takeover', text: `Takeover: the next one goes on behind ${tokensOf(delivered)}.` };
  }
  if (mode === 'replay')
    return {
      ...at,
      kind: 'takeover',
      text: 'Takeover: the next one repeats the answer, and goes on where it broke.',
    };
  if (mode === 'hedge') return { ...at, kind: 'failover', text: 'Hedge: another one is asked beside it.' };
  if (last === undefined) return { ...at, kind: 'asked', text: 'The first target is asked.' };
  if (last.target === target) return { ...at, kind: 'retry', text: 'Retry: it is asked again.' };
  // Where only the record is known, it does not say how the next one was asked.
  const isKnown = mode !== null;
  return {
    ...at,
    kind: 'failover',
    text: isKnown ? 'Failover: the next one is asked.' : 'The next one is asked.',
  };
}

function endStep(ending: SeenEnding): StoryStep {
  const end = (text: string) => step('end', undefined, text);
  switch (ending.kind) {
    case 'whole':
      return end('You have the whole answer.');
    case 'stopped':
      return end('You have stopped it.');
    case 'error-event':
      return { ...end('The stream ends in an error event, not in a finish:'), code: ending.code };
    case 'http-error':
      return { ...end('No answer: an HTTP error says why.'), code: ending.code };
  }
}

function step(kind: StoryStep['kind'], atMs: number | undefined, text: string): StoryStep {
  return { kind, atMs, text };
}

function tokensOf(count: number): string {
  return count === 1 ? '1 token' : `${count} tokens`;
}
