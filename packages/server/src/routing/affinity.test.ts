import { expect, it } from 'vitest';
import type { ChatRequest, Message } from '../domain/chat-request.ts';
import { fakeChatRequest } from '../domain/fake-chat-request.ts';
import { createAffinity } from './affinity.ts';

const message = (text: string): Message => ({ role: 'user', content: [{ type: 'text', text }] });
const turns = (...words: readonly string[]) => fakeChatRequest('', { messages: words.map(message) });

/** An affinity whose requests can all go to the same targets. */
function affinityOver(...targets: readonly string[]) {
  const affinity = createAffinity();
  return {
    ...affinity,
    preferred: (keyId: string, request: ChatRequest) => affinity.preferred(keyId, request, targets),
  };
}

it('finds the target that served the turn before', () => {
  const affinity = affinityOver('cold', 'warm');
  affinity.remember('key', turns('a'), 'warm');
  const next = turns('a', 'b', 'c');
  expect(affinity.preferred('key', next)).toBe('warm');
  expect(affinity.preferred('other', next)).toBeUndefined();
  expect(affinity.preferred('key', turns('a'))).toBeUndefined();
});

it('distinguishes chats by the length and the ends of their texts', () => {
  const affinity = affinityOver('warm');
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
  const affinity = affinityOver('warm');
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

it('prefers the target of the longest beginning among those that can serve the request now', () => {
  const affinity = createAffinity();
  affinity.remember('key', turns('a'), 'early');
  affinity.remember('key', turns('a', 'b', 'c'), 'late');
  const next = turns('a', 'b', 'c', 'd', 'e');
  expect(affinity.preferred('key', next, ['early', 'late'])).toBe('late');
  expect(affinity.preferred('key', next, ['early', 'other'])).toBe('early');
  expect(affinity.preferred('key', next, ['other'])).toBeUndefined();
  // A target that a later configuration has again.
  expect(affinity.preferred('key', next, ['early', 'late'])).toBe('late');
});

it('finds the target of a chat with more messages than are hashed', () => {
  const affinity = affinityOver('warm');
  const words = Array.from({ length: 600 }, (_, number) => `message ${number}`);
  affinity.remember('key', turns(...words), 'warm');
  expect(affinity.preferred('key', turns(...words, 'more'))).toBe('warm');
  expect(affinity.preferred('key', turns('other', ...words))).toBeUndefined();
});

it('forgets the chat of a key that was not used for the longest time', () => {
  const affinity = affinityOver('lab');
  for (const chat of ['first', 'second']) affinity.remember('key', turns(chat), 'lab');
  for (let number = 0; number < 9_998; number++) affinity.remember('key', turns(`chat ${number}`), 'lab');
  // Its next turn reads the entry: `second` is the oldest from here on.
  expect(affinity.preferred('key', turns('first', 'more'))).toBe('lab');
  affinity.remember('key', turns('one too many'), 'lab');
  expect(affinity.preferred('key', turns('first', 'more'))).toBe('lab');
  expect(affinity.preferred('key', turns('second', 'more'))).toBeUndefined();
});

it('keeps the chats of one key from displacing those of another', () => {
  const affinity = affinityOver('lab');
  affinity.remember('k', turns('mine'), 'lab');
  for (let number = 0; number < 10_100; number++) affinity.remember('many', turns(`chat ${number}`), 'lab');
  expect(affinity.preferred('k', turns('mine', 'more'))).toBe('lab');
  expect(affinity.preferred('many', turns('chat 0', 'more'))).toBeUndefined();
});
