import { expect, test } from 'vitest';
import { eventsAfter, readStreamItem, streamPathIn } from './stream-address.ts';

test('a signed address is asked on this server, whatever stands before its path', () => {
  const path = '/v1/streams/chatcmpl-1?expires=1&signature=ab';
  expect(streamPathIn(`https://ai.example.org/under/${path.slice(1)}`)).toBe(path);
  expect(streamPathIn(null)).toBeUndefined();
  expect(streamPathIn('https://elsewhere.example.org/')).toBeUndefined();
});

test('the events behind one are asked by id, or at the signed address by offset', () => {
  const completionId = 'chatcmpl-1';
  expect(eventsAfter({ completionId }, '7')).toBe('/v1/chat/completions/chatcmpl-1/events?after=7');
  const streamPath = '/v1/streams/chatcmpl-1?expires=1&signature=ab';
  expect(eventsAfter({ completionId, streamPath }, '0')).toBe(`${streamPath}&live=sse&offset=-1`);
  expect(eventsAfter({ completionId, streamPath }, '7')).toBe(`${streamPath}&live=sse&offset=000000000007`);
});

test('an event of data has messages, and one of control says that the stream has ended', () => {
  const item = (event: string, data: string) =>
    readStreamItem({ type: 'event', event, data, lastEventId: '' });
  expect(item('data', '[{"a":1},{"b":2}]')).toEqual({ messages: [{ a: 1 }, { b: 2 }], ended: false });
  expect(item('control', '{"streamNextOffset":"000000000002"}').ended).toBe(false);
  expect(item('control', '{"streamClosed":true}').ended).toBe(true);
  expect(item('data', 'torn')).toEqual({ messages: [], ended: false });
});
