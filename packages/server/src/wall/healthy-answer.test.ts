import { describe, expect, it } from 'vitest';
import { healthyAnswer, healthyTokens } from './healthy-answer.ts';
import { readWallChatRequest, type WallChatRequest } from './wall-chat-request.ts';

const messages = [{ role: 'user', content: 'Where does the water go?' }];
const text = healthyTokens(asked({})).join('');

function asked(fields: Readonly<Record<string, unknown>>): WallChatRequest {
  const read = readWallChatRequest(JSON.stringify({ model: 'wall/healthy', messages, ...fields }));
  if (!read.ok) throw new Error(read.badField.message);
  return read.ask;
}

function choices(fields: Readonly<Record<string, unknown>>) {
  const answer = healthyAnswer(asked(fields), 1, 0);
  return answer.choices.map(({ tokens, finish }) => ({
    text: tokens.join(''),
    count: tokens.length,
    finish,
  }));
}

describe('the healthy text', () => {
  it('depends on the messages and on nothing else', () => {
    const parts = [{ role: 'user', content: [{ type: 'text', text: messages[0]?.content }] }];
    expect(choices({ model: 'wall/cut-fin', temperature: 2, seed: 7, messages: parts })[0]?.text).toBe(text);
    expect(choices({ messages: [{ role: 'user', content: 'Another question' }] })[0]?.text).not.toBe(text);
  });

  it.each(Array.from({ length: 50 }, (_, index) => index))(
    'has a wide character early: prompt %i',
    (index) => {
      const tokens = healthyTokens({ messages: [{ role: 'user', text: `prompt ${index}` }] });
      expect(tokens.length).toBeGreaterThanOrEqual(24);
      expect(tokens.slice(3).join('')).toMatch(/[^\x00-\x7f]/);
    },
  );

  it('continues every prefix of itself', () => {
    for (let at = 0; at <= text.length; at += 1) {
      const continued = choices({
        messages: [...messages, { role: 'assistant', content: text.slice(0, at) }],
      });
      expect(continued[0]?.text).toBe(text.slice(at));
    }
  });

  it('starts from the beginning where the prefix is not its own', () => {
    const other = [...messages, { role: 'assistant', content: 'Nobody said this.' }];
    expect(choices({ messages: other })[0]?.text).toBe(text);
  });

  it('ends at max_tokens and says so', () => {
    const whole = healthyTokens(asked({}));
    expect(choices({ max_tokens: 4 })).toEqual([
      { text: whole.slice(0, 4).join(''), count: 4, finish: 'length' },
    ]);
    expect(choices({ max_completion_tokens: whole.length })[0]?.finish).toBe('stop');
  });

  it('ends before a stop string, in the middle of a token too', () => {
    const stop = text.slice(20, 24);
    expect(choices({ stop })).toMatchObject([{ text: text.slice(0, text.indexOf(stop)), finish: 'stop' }]);
    expect(choices({ stop: ['not in it', stop] })[0]?.text).toBe(text.slice(0, text.indexOf(stop)));
  });

  it('differs from choice to choice, and its tokens are counted together', () => {
    const answer = healthyAnswer(asked({ n: 3 }), 1, 0);
    expect(new Set(answer.choices.map(({ tokens }) => tokens.join(''))).size).toBe(3);
    expect(answer.completionTokens).toBe(answer.choices.reduce((sum, { tokens }) => sum + tokens.length, 0));
  });
});
