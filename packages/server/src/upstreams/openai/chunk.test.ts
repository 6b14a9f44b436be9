import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../domain/json.ts';
import { decodeChunk } from './chunk.ts';

describe('a chunk whose output cannot be read', () => {
  it.each([
    ['choices as an object', { choices: { 0: { delta: { content: 'two' } } } }],
    ['a delta without choices', { delta: { content: 'two' } }],
    ['the completions of old', { choices: [{ index: 0, text: 'two' }] }],
    [
      'a call as before tools',
      { choices: [{ index: 0, delta: { function_call: { name: 'f', arguments: '{}' } } }] },
    ],
    ['text that is none', { choices: [{ index: 0, delta: { content: { a: 1 } } }] }],
  ])('is no empty one: %s', (_, chunk) => {
    expect(decodeChunk(chunk)).toBeUndefined();
  });

  it.each([
    [
      'a copy of the text beside the delta',
      { choices: [{ index: 0, delta: { content: 'two' }, text: 'two' }] },
    ],
    ['function_call: null', { choices: [{ index: 0, delta: { content: 'two', function_call: null } }] }],
    [
      'an error field that says nothing',
      { error: false, choices: [{ index: 0, delta: { content: 'two' } }] },
    ],
  ])('is not seen in %s', (_, chunk) => {
    expect(decodeChunk(chunk)?.choices).toMatchObject([{ text: 'two' }]);
  });

  it('is not seen in an event without choices, a provider’s own progress', () => {
    expect(decodeChunk({ object: 'progress', percent: 5 })).toMatchObject({ choices: [] });
  });
});

describe('what a chunk says beside its output', () => {
  const logprobs = (content: readonly JsonValue[]) =>
    decodeChunk({ choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content } }] })?.choices[0]
      ?.logprobs;
  const token = { token: 'a', logprob: -1, bytes: [97], top_logprobs: [] };

  it('names the system as long as that is a name', () => {
    const named = (length: number) =>
      decodeChunk({ system_fingerprint: 'f'.repeat(length) })?.fingerprint?.length;
    expect([named(256), named(257)]).toEqual([256, undefined]);
  });

  it('has log probabilities of tokens, and of no more alternatives than can be asked for', () => {
    const many = { ...token, top_logprobs: Array.from({ length: 1_000 }, () => token) };
    expect(logprobs([many])?.[0]?.top_logprobs).toHaveLength(20);
    expect(logprobs([{ ...token, token: 'x'.repeat(1_025) }, token])).toEqual([token]);
    expect(logprobs([{ ...token, bytes: Array.from({ length: 1_025 }, () => 0) }])).toEqual([
      { ...token, bytes: null },
    ]);
  });
});
