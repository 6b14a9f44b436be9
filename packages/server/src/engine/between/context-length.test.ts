import { describe, expect, test } from 'vitest';
import { leastTokens, promptTooLong, promptUnits } from './context-length.ts';

describe('the least that a prompt has', () => {
  test('each message has a token, and no token is longer than the longest', () => {
    const messages = Array.from({ length: 7 }, () => ({ role: 'user', content: '' }) as const);
    expect(leastTokens({ messages }, 10)).toBe(7);
    expect(leastTokens({ messages: [{ role: 'user', content: 'x'.repeat(95) }] }, 10)).toBe(9);
  });

  test('tools, earlier calls and the beginning of the answer count', () => {
    const long = 'y'.repeat(1000);
    const messages = [{ role: 'user', content: 'q' }] as const;
    const tool = { name: 'f', parameters: {} };
    for (const content of [
      { messages, prefix: long },
      { messages, tools: [{ ...tool, description: long }] },
      { messages, tools: [{ ...tool, parameters: { properties: { a: { enum: [1, long] } } } }] },
      { messages, tools: [{ ...tool, parameters: { properties: { [long]: {} } } }] },
      {
        messages: [
          {
            role: 'assistant' as const,
            content: '',
            toolCalls: [{ id: 'c', name: 'f', arguments: long }],
          },
        ],
      },
    ]) {
      expect(leastTokens(content, 10)).toBeGreaterThanOrEqual(100);
    }
  });

  test('white space that a template may remove does not count', () => {
    const messages = [{ role: 'user', content: ' '.repeat(1000) }] as const;
    expect(leastTokens({ messages }, 10)).toBe(1);
    expect(promptUnits({ messages })).toBe(1000);
  });
});

test('the failure names the tools where a prompt has tools', () => {
  const messages = [{ role: 'user', content: 'q' }] as const;
  const alone = promptTooLong(2048, 2050, true, { messages, tools: [] });
  expect(alone.message).toContain('the messages have 2050 tokens. Send fewer or shorter messages.');
  const described = promptTooLong(2048, 5270, false, { messages, tools: [{ name: 'f', parameters: {} }] });
  expect(described.message).toContain('the messages and tools have at least 5270 tokens.');
  expect(described.message).toContain('Send fewer or shorter messages, or fewer tools.');
});
