import { describe, expect, test } from 'vitest';
import * as anthropic from '../../anthropic/errors.ts';
import * as gemini from '../../gemini/errors.ts';
import * as openai from '../../openai/errors.ts';
import { answerLimit, contextWordings, policyWordings } from './request-fault.ts';

/*
 * The message of an error may be any text of up to 1 MiB, and the expressions run over it on the event loop.
 */

const wordings = [...contextWordings, ...policyWordings, answerLimit];
const context = { hidden: [], nowMs: 0 };

const failureMakers = {
  'an event, openai': (message: string) => openai.failureOfEvent({ error: { message, code: 400 } }, context),
  'an event that is a text, openai': (message: string) => openai.failureOfEvent(message, context, 400),
  'a text under error, openai': (error: string) => openai.failureOfEvent({ error }, context, 400),
  'a detail, openai': (msg: string) => openai.failureOfEvent({ detail: [{ msg }] }, context, 400),
  'a body, openai': (body: string) => openai.failureOfRefusal({ status: 400, headers: {}, body }, context),
  'an event, gemini': (message: string) => gemini.failureOfEvent({ message, code: 400 }, context),
  'a body, gemini': (message: string) =>
    gemini.failureOfRefusal(
      { status: 400, headers: {}, body: JSON.stringify({ error: { message } }) },
      context,
    ),
  'an event, anthropic': (message: string) =>
    anthropic.failureOfEvent({ type: 'invalid_request_error', message }, context),
  'a body, anthropic': (message: string) =>
    anthropic.failureOfRefusal(
      { status: 400, headers: {}, body: JSON.stringify({ error: { message } }) },
      context,
    ),
};
/** A message for a prompt that is too long, in each dialect. */
const wording = {
  openai: 'maximum context length',
  gemini: 'exceeds the maximum number of tokens',
  anthropic: 'prompt is too long',
};
const cases = Object.entries(failureMakers).map(([name, makeFailure]) => {
  const message = Object.entries(wording).find(([dialect]) => name.endsWith(dialect))?.[1] ?? '';
  return [name, makeFailure, message] as const;
});

describe('the message of a refusal', () => {
  test.each(wordings.map((one) => [one.source, one] as const))(
    '%s has no unbounded repetition, and is fast on 1 MiB of its own beginnings',
    (source, one) => {
      expect(source).not.toMatch(/(?<!\\)[*+]|\{\d+,\}/);
      // The words of the expression, all of them and each beginning.
      const words = source.replace(/\\d|\{[^}]*\}|\(\?:|[()?`\\]/g, ' ').split(/[\s|.]+/);
      for (let count = 1; count <= words.length; count += 1) {
        const beginning = `${words.slice(0, count).join(' ')} `;
        one.test(beginning.repeat(Math.ceil((1024 * 1024) / beginning.length)));
      }
    },
  );

  test.each(cases)('is searched in the first 2,000 characters of %s only', (_, makeFailure, message) => {
    expect(makeFailure(`${'x '.repeat(900)}${message}`).code).toBe('context_length_exceeded');
    expect(makeFailure(`${'x '.repeat(1_000)}${message}`).code).toBe('invalid_value');
  });

  test.each(cases)('is recognised as cut where %s is longer', (_, makeFailure) => {
    const secret = 'sk-1234567890abcdef';
    expect(makeFailure(`${' '.repeat(1_995)}${secret}`).message).not.toContain('sk-12');
  });
});

describe('a type or status with the name of an inherited member', () => {
  test.each(['constructor', '__proto__', 'toString'])('%s is unknown', (name) => {
    expect(anthropic.failureOfEvent({ type: name, message: 'x' }, context).code).toBe('upstream_refused');
    expect(gemini.failureOfEvent({ status: name, message: 'x' }, context).code).toBe('upstream_refused');
  });
});
