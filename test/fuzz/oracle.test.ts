// The campaign's judges find what they look for, and its cases are the same for the same seed.

import { describe, expect, test } from 'vitest';
import { createDice } from './dice.ts';
import { judgeAnswer } from './judge-answer.ts';
import { leakIn, leakInLog, markIn, planted, promptMark } from './planted.ts';
import type { Received } from './tcp-client.ts';
import { playFor } from './upstream-plays.ts';

const mark = promptMark('client', 3);

function received(text: string, end: Received['end'] = 'end'): Received {
  return { bytes: Buffer.from(text), end, durationMs: 1 };
}

function answer(status: number, body: string, type = 'application/json'): string {
  return `HTTP/1.1 ${status} X\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

const refusal = answer(400, '{"error":{"message":"No.","type":"t","param":null,"code":"invalid_value"}}');

describe('an answer', () => {
  test.each([
    ['with the key of an upstream', answer(200, `{"a":"${planted.upstreamKey}"}`), 'came out'],
    ['with it in escapes', answer(400, '{"a":"\\u0070lantedkey-quince"}'), 'came out'],
    ['with the prompt of another request', answer(200, `"${promptMark('client', 4)}"`), 'another request'],
    ['with status 500', answer(500, '{}'), '500'],
    ['without our envelope', answer(404, 'Not found'), 'envelope'],
    ['twice for one request', refusal + refusal, '2 answers'],
    ['that is cut', refusal.slice(0, -3), 'not whole'],
    ['with JSON that is cut', answer(200, '{"object":'), 'not JSON'],
    [
      'with a completion that does not finish',
      answer(200, '{"object":"chat.completion","choices":[{"finish_reason":null}]}'),
      'without a finish',
    ],
    ['that is no HTTP', 'SSH-2.0\r\n\r\n', 'not HTTP'],
    [
      'as a stream that ends without a word',
      answer(200, ': keepalive\n\n', 'text/event-stream'),
      'done-missing',
    ],
    ['that never comes', '', '0 answers'],
  ])('%s is a finding', (_name, text, word) => {
    expect(judgeAnswer(received(text), { mark, answered: true }).finding).toContain(word);
  });

  test('that is right is not a finding', () => {
    expect(judgeAnswer(received(refusal), { mark, answered: true })).toEqual({ outcome: 'refused' });
    const own = answer(200, `"${mark}"`);
    expect(judgeAnswer(received(own), { mark, answered: true })).toEqual({ outcome: 'whole' });
  });
});

test('the log may hold neither a secret nor any prompt', () => {
  expect(leakInLog(`{"detail":"${planted.upstreamHeader}"}`)).toBeDefined();
  expect(leakInLog(`{"detail":"said ${mark}"}`)).toBeDefined();
  expect(leakInLog('{"msg":"request"}')).toBeUndefined();
});

test('a planted value is found in base64 too', () => {
  expect(leakIn(`=${Buffer.from(planted.fromEnvironment).toString('base64')}`)).toBeDefined();
});

test('a mark holds surface and number', () => {
  expect(markIn(`"content":"Tell me of ${mark} now."`)).toEqual({ surface: 'client', index: 3 });
});

test('the same seed makes the same case, another seed another one', () => {
  const play = (seed: number) =>
    JSON.stringify(playFor(createDice(seed, 'upstream', 5), { dialect: 'openai', mark, port: 1 }));
  expect(play(1)).toBe(play(1));
  expect(new Set([1, 2, 3, 4].map(play)).size).toBeGreaterThan(1);
});
