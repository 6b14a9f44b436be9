import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../domain/json.ts';
import { decodeChunk } from './chunk.ts';

describe('a chunk whose output cannot be read', () => {
  it.each([
    ['choices as an object', { choices: { 0: { delta: { content: 'two' } } } }],
    ['a delta without choices', { delta: { content: 'two' } }],
    ['a text of the old completions API that is no text', { choices: [{ index: 0, text: 5 }] }],
    ['a content that is an object', { choices: [{ index: 0, delta: { content: { a: 1 } } }] }],
  ])('is not decoded as an empty chunk: %s', (_, chunk) => {
    expect(decodeChunk(chunk)).toBeUndefined();
  });

  it.each([
    [
      'a copy of the text beside the delta',
      { choices: [{ index: 0, delta: { content: 'two' }, text: 'two' }] },
    ],
    ['the old completions API, which has no delta', { choices: [{ index: 0, text: 'two' }] }],
    ['function_call: null', { choices: [{ index: 0, delta: { content: 'two', function_call: null } }] }],
    ['an error field without an error', { error: false, choices: [{ index: 0, delta: { content: 'two' } }] }],
  ])('is not assumed for %s', (_, chunk) => {
    expect(decodeChunk(chunk)?.choices).toMatchObject([{ text: 'two' }]);
  });

  it('is not assumed for an event without choices, which reports the provider’s progress', () => {
    expect(decodeChunk({ object: 'progress', percent: 5 })).toMatchObject({ choices: [] });
  });
});

describe('what a chunk holds besides its output', () => {
  const logprobs = (content: readonly JsonValue[]) =>
    decodeChunk({ choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content } }] })?.choices[0]
      ?.logprobs;
  const token = { token: 'a', logprob: -1, bytes: [97], top_logprobs: [] };

  it('has a fingerprint where that is not too long', () => {
    const named = (length: number) =>
      decodeChunk({ system_fingerprint: 'f'.repeat(length) })?.fingerprint?.length;
    expect([named(256), named(257)]).toEqual([256, undefined]);
  });

  it('has log probabilities of tokens, and of no more alternatives than can be requested', () => {
    const many = { ...token, top_logprobs: Array.from({ length: 1_000 }, () => token) };
    expect(logprobs([many])?.[0]?.top_logprobs).toHaveLength(20);
    expect(logprobs([{ ...token, token: 'x'.repeat(1_025) }, token])).toEqual([token]);
    expect(logprobs([{ ...token, bytes: Array.from({ length: 1_025 }, () => 0) }])).toEqual([
      { ...token, bytes: null },
    ]);
  });
});
