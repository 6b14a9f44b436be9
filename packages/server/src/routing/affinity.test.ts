import { expect, it } from 'vitest';
import type { Message } from '../domain/chat-request.ts';
import { fakeChatRequest } from '../domain/fake-chat-request.ts';
import { createAffinity } from './affinity.ts';

const message = (text: string): Message => ({ role: 'user', content: [{ type: 'text', text }] });

it('finds the target that served the turn before', () => {
  const affinity = createAffinity();
  const first = fakeChatRequest('', { messages: [message('a')] });
  affinity.remember('key', first, 'warm');
  const next = fakeChatRequest('', { messages: [message('a'), message('b'), message('c')] });
  expect(affinity.preferred('key', next)).toBe('warm');
  expect(affinity.preferred('other', next)).toBeUndefined();
  expect(affinity.preferred('key', first)).toBeUndefined();
});

it('tells chats apart by the length and the ends of their texts', () => {
  const affinity = createAffinity();
  const long = (from: string, to: string, length = 100_000) => message(from + 'x'.repeat(length) + to);
  affinity.remember('key', fakeChatRequest('', { messages: [long('a', 'b')] }), 'warm');
  const preferred = (...messages: readonly Message[]) =>
    affinity.preferred('key', fakeChatRequest('', { messages: [...messages, message('next')] }));
  expect(preferred(long('a', 'b'))).toBe('warm');
  for (const other of [long('b', 'b'), long('a', 'a'), long('a', 'b', 99_999)]) {
    expect(preferred(other)).toBeUndefined();
  }
  expect(preferred(message('a'), message(`${'x'.repeat(100_000)}b`))).toBeUndefined();
});

it('hashes the messages of a request once', () => {
  const affinity = createAffinity();
  let reads = 0;
  const counted: Message = {
    role: 'user',
    get content() {
      reads += 1;
      return [];
    },
  };
  const request = fakeChatRequest('', { messages: [counted] });
  affinity.preferred('key', request);
  affinity.remember('key', request, 'warm');
  expect(reads).toBe(1);
});

it('keeps the chats of one key from displacing those of another', () => {
  const affinity = createAffinity();
  const turns = (...words: readonly string[]) => fakeChatRequest('', { messages: words.map(message) });
  affinity.remember('k', turns('mine'), 'lab');
  for (let number = 0; number < 10_100; number++) affinity.remember('many', turns(`chat ${number}`), 'lab');
  expect(affinity.preferred('k', turns('mine', 'more'))).toBe('lab');
  expect(affinity.preferred('many', turns('chat 0', 'more'))).toBeUndefined();
});
