import { describe, expect, it } from 'vitest';
import { fakeChatRequest } from '../domain/fake-chat-request.ts';
import { createContentKeeper, keepsContent, keptMessages } from './request-content.ts';

describe('whether content is kept', () => {
  it.each([
    [undefined, undefined, false, false],
    [undefined, undefined, true, true],
    [true, undefined, false, true],
    [undefined, true, false, true],
    [false, true, true, false],
    [true, false, true, false],
    [true, true, false, true],
  ])('of key %s, model %s and configuration %s is %s', (key, model, everywhere, kept) => {
    expect(keepsContent({ key, model, everywhere })).toBe(kept);
  });
});

describe('kept messages', () => {
  it('are those of the request', () => {
    const request = fakeChatRequest('Hi');
    expect(keptMessages(request)).toEqual({
      messages: [{ role: 'user', content: 'Hi' }],
      messages_left_out: 0,
    });
  });

  it('are the newest ones of a long chat, with texts of a bounded length', () => {
    const messages = Array.from({ length: 100 }, (_, at) => ({
      role: 'user' as const,
      content: `${at}: ${'x'.repeat(at === 99 ? 1_000_000 : 10_000)}`,
    }));
    const kept = keptMessages(fakeChatRequest('', { messages }));
    expect(JSON.stringify(kept.messages).length).toBeLessThan(300_000);
    expect(kept.messages.length + kept.messages_left_out).toBe(100);
    expect(kept.messages_left_out).toBeGreaterThan(50);
    expect(String(kept.messages.at(-1)?.['content'])).toMatch(/^99: x+… \(1000004 characters\)$/);
  });
});

it('holds a bounded number of contents for a ledger that does not answer', () => {
  const lines: string[] = [];
  let sent = 0;
  const keeper = createContentKeeper({
    ledger: {
      keepContent: () => {
        sent += 1;
        return new Promise(() => {});
      },
    },
    log: { warn: (message) => void lines.push(message) },
  });
  const messages = { messages: [], messages_left_out: 0 };
  for (let at = 0; at < 1_000; at += 1) keeper.keep(`c${at}`, 0, messages, []);
  expect(sent).toBe(64);
  expect(lines).toEqual(['prompts and answers are not kept']);
});
