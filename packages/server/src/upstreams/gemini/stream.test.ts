import { describe, expect, test } from 'vitest';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { describeFixtures } from '../shared/replay.suite.ts';
import { createTranslation } from '../shared/translation.ts';
import { contentOutput, createContentDialect } from './stream.ts';

const translation = (options: { choices?: number; parallelToolCalls?: boolean } = {}) =>
  createTranslation({
    dialect: createContentDialect({
      choices: 1,
      parallelToolCalls: true,
      completionId: 'chatcmpl-fixture',
      errors: { hidden: [], nowMs: 0 },
      ...options,
    }),
    maxEventBytes: 64 * 1024,
    output: contentOutput,
  });

const bytes = (...events: readonly object[]) =>
  new TextEncoder().encode(events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join(''));
const candidate = (parts: readonly object[], finishReason?: string) => ({
  candidates: [{ content: { parts }, ...(finishReason === undefined ? {} : { finishReason }) }],
});
const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 4 };
const types = (events: readonly StreamEvent[] | undefined) => (events ?? []).map(({ type }) => type);
const codes = (events: readonly StreamEvent[] | undefined) =>
  (events ?? []).flatMap((event) => (event.type === 'failed' ? [event.failure.code] : []));

describeFixtures(new URL('fixtures/streams/', import.meta.url), (name) =>
  translation({ choices: name === 'two-choices' ? 2 : 1 }),
);

describe('the finish', () => {
  test('waits for counts that are of the whole answer', () => {
    const stream = translation();
    stream.push(bytes({ ...candidate([{ text: 'a' }]), usageMetadata }));
    expect(stream.push(bytes(candidate([{ text: 'b' }], 'STOP')))).toHaveLength(1);
    expect(stream.holding).toBe(true);
    const later = { ...usageMetadata, candidatesTokenCount: 9 };
    expect(stream.push(bytes({ usageMetadata: later }))).toEqual([
      { type: 'usage', usage: { promptTokens: 3, completionTokens: 9 } },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
    expect(stream.ended).toBe(true);
  });

  test('comes with the counts there are when no better ones come', () => {
    const stream = translation();
    stream.push(bytes({ ...candidate([{ text: 'a' }]), usageMetadata }, candidate([], 'STOP')));
    expect(types(stream.end(undefined))).toEqual(['usage', 'finish']);
  });

  test('comes without counts where there are none, or none that can be', () => {
    const stream = translation();
    const absurd = { promptTokenCount: -3, candidatesTokenCount: 1.5 };
    stream.push(bytes({ ...candidate([{ text: 'a' }], 'STOP'), usageMetadata: absurd }));
    expect(types(stream.end(undefined))).toEqual(['finish']);
  });

  test('parts behind it are dropped, a signature is kept', () => {
    const stream = translation();
    stream.push(bytes(candidate([{ text: 'a' }], 'STOP')));
    const late = { ...candidate([{ text: 'b', thoughtSignature: 'CiQB' }]), usageMetadata };
    expect(stream.push(bytes(late))?.at(-1)).toEqual({
      type: 'finish',
      choice: 0,
      reason: 'stop',
      extra: { google: { thought_signature: 'CiQB' } },
    });
  });
});

test('without parallel calls the first one is all that is said', () => {
  const stream = translation({ parallelToolCalls: false });
  const calls = [{ functionCall: { name: 'a' } }, { functionCall: { name: 'b' } }];
  const events = stream.push(bytes({ ...candidate(calls, 'STOP'), usageMetadata }));
  expect(types(events)).toEqual(['tool-call-start', 'tool-call-delta', 'usage', 'finish']);
});

test('an unreadable event that shows output has torn the text, another is forgiven', () => {
  const stream = translation();
  expect(stream.push(new TextEncoder().encode('data: {"usageMeta\n\n'))).toBeUndefined();
  expect(
    codes(stream.push(new TextEncoder().encode('data: {"candidates":[{"content":{"parts":[\n\n'))),
  ).toEqual(['upstream_cut']);
});

test('an event of counts alone is a sign of life', () => {
  expect(translation().push(bytes({ usageMetadata }))).toEqual([]);
});
