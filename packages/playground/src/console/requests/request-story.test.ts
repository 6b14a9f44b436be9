import { describe, expect, test } from 'vitest';
import { type RequestAttempt, type RequestRecord, readRecord } from './request-record.ts';
import { storyOf } from './request-story.ts';
import { phasesOf, placeOf } from './request-timeline.ts';

const plain: RequestRecord = readRecord({
  ...{ id: 'chatcmpl-1', request_id: 'req_1', key_id: 'key_a', owner: 'acme', model: 'chat', tags: {} },
  ...{ status: 'completed', prompt_tokens: 10, completion_tokens: 20, ttft_ms: 40, duration_ms: 500 },
  created_at: '2026-11-28T12:00:00.000Z',
}) as RequestRecord;

const served: RequestAttempt = {
  ...{ target: 'lab/a', outcome: 'served', promptTokens: 10, completionTokens: 20, estimated: false },
  ...{ mode: 'first', code: undefined, deliveredTokens: 20, startedMs: 2, durationMs: 490 },
};
const cut: RequestAttempt = {
  ...{ ...served, target: 'lab/cut', outcome: 'failed', code: 'upstream_cut' },
  ...{ completionTokens: 12, deliveredTokens: 12, durationMs: 100 },
};

/** The sentences as a person reads them. */
function told(attemptLog: readonly RequestAttempt[], more: Partial<RequestRecord> = {}): string[] {
  return storyOf({ ...plain, attemptLog, ...more }).map((sentence) =>
    sentence.map((part) => (typeof part === 'string' ? part : part.name)).join(''),
  );
}

describe('the story of a request', () => {
  test('of one attempt', () => {
    expect(told([served])).toEqual([
      'lab/a answered with 20 tokens.',
      'The client has the whole answer, 20 tokens in 500 ms.',
    ]);
  });

  test.each([
    ['prefix', 'engine/m went on from there: 8 tokens more.'],
    ['replay', 'engine/m made the same answer again, and went on from the cut: 8 tokens more.'],
  ])('of a takeover names both targets: %s', (mode, sentence) => {
    const next = { ...served, target: 'engine/m', mode, deliveredTokens: 8 };
    expect(told([cut, next]).slice(0, 2)).toEqual([
      'lab/cut cut the stream after 12 tokens: it broke off in mid-answer (upstream_cut).',
      sentence,
    ]);
  });

  test('of a failover, a hedge that lost, and a code without words', () => {
    const refused = { ...cut, target: 'lab/b', code: 'a_new_code', deliveredTokens: 0 };
    const lost = { ...served, target: 'lab/c', outcome: 'lost', deliveredTokens: 0 };
    const hedge = { ...served, mode: 'hedge' };
    expect(told([refused, lost, hedge]).slice(0, 3)).toEqual([
      'lab/b failed before any output of it reached the client: it failed (a_new_code).',
      'lab/c was slower than another target, and was stopped.',
      'lab/a was asked beside the slow target, and was quicker: 20 tokens.',
    ]);
    expect(told([refused, { ...served, target: 'lab/b' }])[1]).toBe(
      'lab/b was asked again, and answered with 20 tokens.',
    );
  });

  test('of an earlier version says only what its record knows', () => {
    const old = { ...served, mode: undefined, deliveredTokens: undefined, startedMs: undefined };
    expect(told([old])[0]).toBe('lab/a answered.');
  });

  test.each([
    ['open', 'It still runs.'],
    ['failed', 'The client got an error and no output, after 500 ms. It is charged nothing.'],
    ['cut', 'The client got 1 token and then an error, after 500 ms.'],
    ['cancelled', 'A cancel call ended it after 500 ms and 1 token.'],
    ['abandoned', 'The client left, or the server ended, after 500 ms and 1 token.'],
  ] as const)('ends as it did for the client: %s', (status, sentence) => {
    expect(told([], { status, completionTokens: 1 })).toEqual([sentence]);
  });
});

describe('the times of a request', () => {
  test('are its phases, one behind the other', () => {
    const record = { ...plain, attemptLog: [{ ...served, startedMs: 10, durationMs: 440 }] };
    expect(phasesOf(record)).toEqual([
      { name: 'Waiting', fromMs: 0, toMs: 10 },
      { name: 'First token', fromMs: 10, toMs: 40 },
      { name: 'Output', fromMs: 40, toMs: 450 },
      { name: 'Settling', fromMs: 450, toMs: 500 },
    ]);
  });

  test('of one without output have none', () => {
    const record = { ...plain, status: 'failed' as const, ttftMs: undefined, attemptLog: [cut] };
    expect(phasesOf(record).map(({ name }) => name)).toEqual(['No output', 'Settling']);
  });

  test('never leave their track', () => {
    expect(placeOf({ fromMs: 499, toMs: 500 }, 500)).toEqual({ left: 99.4, width: 0.6 });
    expect(placeOf({ fromMs: 0, toMs: 0 }, 0)).toEqual({ left: 0, width: 100 });
  });
});
