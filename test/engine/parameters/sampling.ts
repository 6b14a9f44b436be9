import { expect } from 'vitest';
import type { Answer, Fields } from '../completion.ts';
import {
  accepted,
  asAbsent,
  type Effect,
  endless,
  onlyLetters,
  type Row,
  refused,
  refusedValues,
  sameAnswer,
  tokenOf,
} from './row.ts';

const textOf = (answer: Answer): string => answer.choices[0]?.text ?? '';
const long = { max_tokens: 30, logit_bias: endless };
const letters = { max_tokens: 40, logit_bias: onlyLetters('abcd') };

const otherSeedSameText: Effect = async (answer, ask, fields) => {
  expect(textOf(await ask({ ...fields, seed: 2 }))).toBe(textOf(answer));
};
const otherSeedOtherText: Effect = async (answer, ask, fields) => {
  expect(textOf(await ask({ ...fields, seed: 2 }))).not.toBe(textOf(answer));
};
const sameSeedSameText: Effect = async (answer, ask, fields) => {
  sameAnswer(await ask(fields), answer);
};
const hasTokens =
  (count: number): Effect =>
  (answer) => {
    expect(answer.usage.completion_tokens).toBe(count);
    expect(answer.choices[0]?.finish).toBe('length');
  };
const fillsTheContext: Effect = (answer) => {
  expect(answer.usage.total_tokens).toBe(context);
  expect(answer.choices[0]?.finish).toBe('length');
};
/** The text before the first of the stop strings, and nothing of it. */
const stopped: Effect = async (answer, ask, fields) => {
  const whole = textOf(await ask({ ...fields, stop: undefined }));
  const strings = ([fields['stop']].flat() as string[]).filter((text) => text !== '');
  const found = strings.map((text) => whole.indexOf(text)).filter((at) => at >= 0);
  expect(found.length).toBeGreaterThan(0);
  expect(textOf(answer)).toBe(whole.slice(0, Math.min(...found)));
  expect(answer.choices[0]?.finish).toBe('stop');
};
const neverStopped: Effect = async (answer, ask, fields) => {
  sameAnswer(await ask({ ...fields, stop: undefined }), answer);
};
const hasChoices =
  (count: number): Effect =>
  async (answer, ask, fields) => {
    const texts = answer.choices.map((choice) => choice.text);
    expect(texts.length).toBe(count);
    expect(new Set(texts).size).toBe(count);
    const alone = await ask({ ...fields, n: undefined });
    expect(textOf(alone)).toBe(texts[0]);
    expect(alone.usage.prompt_tokens).toBe(answer.usage.prompt_tokens);
  };
const otherThanWithout =
  (field: string): Effect =>
  async (answer, ask, fields) => {
    expect(textOf(await ask({ ...fields, [field]: undefined }))).not.toBe(textOf(answer));
  };
const says =
  (pattern: RegExp): Effect =>
  (answer) => {
    expect(textOf(answer)).toMatch(pattern);
  };
/** One entry a token, its bytes those of the text. */
const toldOf =
  (alternatives: number): Effect =>
  (answer) => {
    const entries = answer.choices[0]?.logprobs ?? [];
    expect(entries.length).toBe(answer.usage.completion_tokens);
    expect(entries.map(({ token }) => token).join('')).toBe(textOf(answer));
    for (const { token, bytes, logprob, top_logprobs } of entries) {
      expect(Buffer.from(bytes ?? []).toString()).toBe(token);
      expect(logprob).toBeLessThanOrEqual(0);
      expect(top_logprobs.length).toBe(alternatives);
    }
  };
const toldNothing: Effect = (answer) => expect(answer.choices[0]?.logprobs).toBeNull();

/** Tokens of the server's random model. */
export const context = 2048;
const outsideOfTwo = [-2.001, 2.001, 1e300];
const noNumbers = ['1', true, [], {}];
const noIntegers = [1.5, '5', true, [], {}];
const greedyLetters: Fields = { ...letters, temperature: 0 };

export const samplingRows: readonly Row[] = [
  accepted('temperature', 'valid', '0.7', { ...long, temperature: 0.7 }, otherSeedOtherText),
  accepted('temperature', 'boundary', '0', { ...long, temperature: 0 }, otherSeedSameText),
  accepted('temperature', 'boundary', '2', { ...long, temperature: 2 }, otherSeedOtherText),
  ...refusedValues('temperature', 'out of range', [-0.001, 2.001, 1e300]),
  ...refusedValues('temperature', 'wrong type', noNumbers),
  asAbsent('temperature'),

  accepted('top_p', 'valid', '0.5', { ...long, top_p: 0.5 }, otherSeedOtherText),
  accepted('top_p', 'boundary', '0', { ...long, top_p: 0 }, otherSeedSameText),
  accepted('top_p', 'boundary', '1', { ...long, top_p: 1 }, async (answer, ask) => {
    sameAnswer(await ask(long), answer);
  }),
  ...refusedValues('top_p', 'out of range', [-0.001, 1.001]),
  ...refusedValues('top_p', 'wrong type', noNumbers),
  asAbsent('top_p'),

  accepted('max_tokens', 'valid', '5', { max_tokens: 5, logit_bias: endless }, hasTokens(5)),
  accepted('max_tokens', 'boundary', '1', { max_tokens: 1, logit_bias: endless }, hasTokens(1)),
  accepted(
    'max_tokens',
    'boundary',
    'more than the context',
    { max_tokens: 2 ** 31 - 1, logit_bias: endless },
    fillsTheContext,
  ),
  ...refusedValues('max_tokens', 'out of range', [0, -2, 2 ** 31, 1e300]),
  accepted(
    'max_tokens',
    'boundary',
    '-1, which asks for no limit',
    { max_tokens: -1, logit_bias: endless },
    fillsTheContext,
  ),
  ...refusedValues('max_tokens', 'wrong type', noIntegers),
  asAbsent('max_tokens'),

  accepted(
    'max_completion_tokens',
    'valid',
    '6, which beats max_tokens',
    { max_completion_tokens: 6, logit_bias: endless },
    hasTokens(6),
  ),
  accepted(
    'max_completion_tokens',
    'boundary',
    '1',
    { max_completion_tokens: 1, logit_bias: endless },
    hasTokens(1),
  ),
  ...refusedValues('max_completion_tokens', 'out of range', [0, -5, 2 ** 31]),
  ...refusedValues('max_completion_tokens', 'wrong type', noIntegers),
  asAbsent('max_completion_tokens'),

  accepted('stop', 'valid', 'a string', { ...letters, stop: 'b' }, stopped),
  accepted('stop', 'valid', 'a string of two tokens', { ...letters, stop: 'cb' }, stopped),
  accepted(
    'stop',
    'boundary',
    'six strings, and an empty one',
    { ...letters, stop: ['dddd', 'cc', '', 'ba', 'xyz', 'efg', 'hij'] },
    stopped,
  ),
  accepted('stop', 'boundary', 'an empty string', { ...letters, stop: '' }, neverStopped),
  accepted('stop', 'boundary', 'a list of an empty string', { ...letters, stop: [''] }, neverStopped),
  accepted('stop', 'boundary', 'none', { ...letters, stop: [] }, neverStopped),
  accepted('stop', 'boundary', '4,096 letters', { ...letters, stop: 'b'.repeat(4096) }, neverStopped),
  ...refusedValues('stop', 'out of range', [Array.from({ length: 257 }, String), 'b'.repeat(4097)]),
  ...refusedValues('stop', 'wrong type', [5, true, {}]),
  refused('stop', 'wrong type', 'a number in the list', { stop: ['a', 5] }, 'invalid_type', 'stop[1]'),
  asAbsent('stop'),

  accepted('seed', 'valid', '7', { ...long, seed: 7 }, async (answer, ask, fields) => {
    await sameSeedSameText(answer, ask, fields);
    await otherSeedOtherText(answer, ask, fields);
  }),
  ...[0, -1, 2 ** 53 - 1, 2 ** 62, 2 ** 63].map((seed) =>
    accepted('seed', 'boundary', String(seed), { ...long, seed }, sameSeedSameText),
  ),
  ...refusedValues('seed', 'out of range', [1e19, -1e300]),
  ...refusedValues('seed', 'wrong type', noIntegers),
  asAbsent('seed', { temperature: 0 }),

  accepted('n', 'valid', '3', { ...long, n: 3 }, hasChoices(3)),
  accepted('n', 'boundary', '1', { ...long, n: 1 }, hasChoices(1)),
  accepted('n', 'boundary', '8', { ...long, n: 8 }, hasChoices(8)),
  ...refusedValues('n', 'out of range', [0, -1, 9, 129]),
  ...refusedValues('n', 'wrong type', noIntegers),
  asAbsent('n'),

  ...['presence_penalty', 'frequency_penalty'].flatMap((field) => [
    accepted(field, 'valid', '1.5', { ...greedyLetters, [field]: 1.5 }, otherThanWithout(field)),
    accepted(field, 'valid', '0', { ...greedyLetters, [field]: 0 }, async (answer, ask) => {
      sameAnswer(await ask(greedyLetters), answer);
    }),
    accepted(field, 'boundary', '2', { ...greedyLetters, [field]: 2 }, otherThanWithout(field)),
    accepted(field, 'boundary', '−2', { ...greedyLetters, [field]: -2 }),
    ...refusedValues(field, 'out of range', outsideOfTwo),
    ...refusedValues(field, 'wrong type', noNumbers),
    asAbsent(field),
  ]),

  accepted('logit_bias', 'valid', '5', { ...long, logit_bias: { [tokenOf('e')]: 5, ...endless } }),
  accepted('logit_bias', 'valid', 'nothing', { logit_bias: {} }, async (answer, ask) => {
    sameAnswer(await ask({}), answer);
  }),
  accepted('logit_bias', 'boundary', '100', { logit_bias: onlyLetters('q') }, says(/^q{12}$/)),
  accepted(
    'logit_bias',
    'boundary',
    '−100',
    { ...letters, logit_bias: { ...onlyLetters('abcd'), [tokenOf('a')]: -100 } },
    says(/^[bcd]{40}$/),
  ),
  ...[100.5, -100.001].map((bias) =>
    refused(
      'logit_bias',
      'out of range',
      String(bias),
      { logit_bias: { 5: bias } },
      'invalid_value',
      'logit_bias.5',
    ),
  ),
  refused(
    'logit_bias',
    'out of range',
    'the id of no token',
    { logit_bias: { 999999: 1 } },
    'invalid_value',
    'logit_bias.999999',
  ),
  refused(
    'logit_bias',
    'out of range',
    'a word',
    { logit_bias: { word: 1 } },
    'invalid_value',
    'logit_bias.word',
  ),
  refused(
    'logit_bias',
    'out of range',
    'an id with a zero in front',
    { logit_bias: { '05': 1 } },
    'invalid_value',
    'logit_bias.05',
  ),
  refused('logit_bias', 'wrong type', 'text', { logit_bias: { 5: 'x' } }, 'invalid_type', 'logit_bias.5'),
  ...refusedValues('logit_bias', 'wrong type', [[], 'x', 5]),
  asAbsent('logit_bias'),

  accepted('logprobs', 'valid', 'true', { ...letters, logprobs: true }, toldOf(0)),
  accepted('logprobs', 'boundary', 'false', { ...letters, logprobs: false }, toldNothing),
  ...refusedValues('logprobs', 'wrong type', [1, 'yes', [], {}]),
  asAbsent('logprobs'),

  accepted('top_logprobs', 'valid', '5', { ...letters, logprobs: true, top_logprobs: 5 }, toldOf(5)),
  accepted('top_logprobs', 'boundary', '0', { ...letters, logprobs: true, top_logprobs: 0 }, toldOf(0)),
  accepted('top_logprobs', 'boundary', '20', { ...letters, logprobs: true, top_logprobs: 20 }, toldOf(20)),
  accepted('top_logprobs', 'boundary', '0 alone', { ...letters, top_logprobs: 0 }, toldNothing),
  ...refusedValues('top_logprobs', 'out of range', [-1, 21], { logprobs: true }),
  ...refusedValues('top_logprobs', 'out of range', [3]),
  ...refusedValues('top_logprobs', 'wrong type', noIntegers, { logprobs: true }),
  asAbsent('top_logprobs', { logprobs: true }),
];
