import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { forgetSentHead } from './forget-head.ts';

/** The bytes of an answer, written in pieces, without its date. */
async function answerOf(act: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_request, response) => act(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let text = '';
  socket.setEncoding('latin1').on('data', (more: string) => {
    text += more;
  });
  await once(socket, 'close');
  server.close();
  return text.replace(/Date: [^\r]*\r\n/, '');
}

const headers = Object.fromEntries(
  Array.from({ length: 20 }, (_, at) => [`x-header-${at}`, `value ${at}`] as const),
);

test('a response without the text of its head answers as one with it, and stays one whose head is sent', async () => {
  const answer = (forgets: boolean) =>
    answerOf((response) => {
      response.writeHead(200, headers);
      // Too early: the head has not left.
      if (forgets) forgetSentHead(response);
      response.write('first');
      if (forgets) forgetSentHead(response);
      expect(response.headersSent).toBe(true);
      expect(() => response.writeHead(500)).toThrow('after they are sent');
      expect(() => response.setHeader('a', 'b')).toThrow('after they are sent');
      const kept = (response as unknown as { readonly _header: string })._header;
      if (forgets) expect(kept.length).toBeLessThan(10);
      else expect(kept.length).toBeGreaterThan(400);
      response.write('second');
      response.end('third');
    });
  expect(await answer(true)).toBe(await answer(false));
});
