import { expect, test } from 'vitest';
import type { ChatRequest } from '../domain/chat-request.ts';
import { fakeChatRequest } from '../domain/fake-chat-request.ts';
import { createAffinity } from './affinity.ts';

/** The next turn of a chat that began with these words. */
function turns(...words: readonly string[]): ChatRequest {
  const messages = words.map((content) => ({
    role: 'user' as const,
    content: [{ type: 'text' as const, text: content }],
  }));
  return { ...fakeChatRequest('', {}), messages };
}

test('the next turn of a chat prefers the target that served the one before', () => {
  const affinity = createAffinity();
  affinity.remember('k', turns('a'), 'lab');
  expect(affinity.preferred('k', turns('a', 'b'))).toBe('lab');
  expect(affinity.preferred('other', turns('a', 'b'))).toBeUndefined();
});

test('one key’s chats displace no other key’s', () => {
  const affinity = createAffinity();
  affinity.remember('k', turns('mine'), 'lab');
  for (let number = 0; number < 10_100; number++) affinity.remember('many', turns(`chat ${number}`), 'lab');
  expect(affinity.preferred('k', turns('mine', 'more'))).toBe('lab');
  expect(affinity.preferred('many', turns('chat 0', 'more'))).toBeUndefined();
});
