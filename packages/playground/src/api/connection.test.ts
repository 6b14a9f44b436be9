import { expect, test } from 'vitest';
import { wholeText } from './connection.ts';
import { brokenOff } from './failure.ts';

function breaking(): Response {
  const pieces = new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode('{"data": ['));
      controller.error(new TypeError('network error'));
    },
  });
  return new Response(pieces);
}

test('a body that breaks off is a failure, and no exception that would end what asks again', async () => {
  expect(await wholeText(new Response('{}'), undefined)).toEqual({ ok: true, value: '{}' });
  expect(await wholeText(breaking(), undefined)).toEqual({ ok: false, failure: brokenOff });
});

test('an abort ends it without an answer', async () => {
  const abort = new AbortController();
  abort.abort();
  await expect(wholeText(breaking(), abort.signal)).rejects.toThrow('network error');
});
