import { expect, test } from 'vitest';
import { type AnswerFacts, openAnswer } from '../chat/answer.ts';
import { phasesOf } from './phase-bar.tsx';

const delta = (content: string): object => ({ choices: [{ index: 0, delta: { content } }] });

/** The phases of an answer whose head has these times, and whose pieces came at these milliseconds. */
function phases(timing: string | undefined, ...pieces: number[]): readonly (readonly [string, number])[] {
  const answer = openAnswer(0);
  answer.readHead(new Headers(timing === undefined ? {} : { 'server-timing': timing }));
  for (const atMs of pieces) answer.take(delta('a'), atMs);
  return listed(answer.facts('done'));
}

function listed(facts: AnswerFacts): readonly (readonly [string, number])[] {
  return phasesOf(facts).map(({ name, ms }) => [name, ms] as const);
}

test('where the server tells its times, the wait is queue, prompt and the rest', () => {
  expect(phases('queue;dur=12, prompt;dur=340', 400, 900)).toEqual([
    ['Queue', 12],
    ['Prompt', 340],
    ['Network and rest', 48],
    ['Answering', 500],
  ]);
});

test('without them it is one wait', () => {
  expect(phases(undefined, 400, 900)).toEqual([
    ['Waiting', 400],
    ['Answering', 500],
  ]);
});

test('the rest of an answer that came whole is not the network’s alone', () => {
  expect(phases('queue;dur=0, prompt;dur=30', 400)).toEqual([
    ['Queue', 0],
    ['Prompt', 30],
    ['Waiting', 370],
  ]);
});

test('no phase is negative where the server’s clock has counted more than the page’s', () => {
  expect(phases('queue;dur=9, prompt;dur=30', 38, 40)[2]).toEqual(['Network and rest', 0]);
});

test('an answer that was picked up after a reload has no phases', () => {
  const answer = openAnswer(undefined);
  answer.readHead(new Headers({ 'server-timing': 'queue;dur=1, prompt;dur=2' }));
  answer.take(delta('a'), 5);
  expect(listed(answer.facts('done'))).toEqual([]);
});
