import type { ErrorEnvelope } from '@tailrace/protocol';
import { expect } from 'vitest';
import type { RawResponse } from '../support/http-bytes.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { connect, type RawConnection, type RequestParts, requestBytes } from '../support/raw-connection.ts';
import type { ConfigTree, TestServer } from '../support/server.ts';

export const messages = [{ role: 'user', content: 'Say something.' }];

/** A server with the scripted upstream and no engine: starts in a moment. */
export function labServer(config: ConfigTree = {}, extraModels: ConfigTree = {}) {
  return {
    model: 'none' as const,
    files: labFiles,
    config: { ...oneAttempt, upstreams: labUpstreams, models: { ...labModels, ...extraModels }, ...config },
  };
}

export type Fields = Readonly<Record<string, unknown>>;

/** A chat request as bytes, with the server's key and a JSON body. */
export function chatBytes(server: TestServer, fields: Fields, parts: Partial<RequestParts> = {}): Buffer {
  return requestBytes({
    path: '/v1/chat/completions',
    ...parts,
    headers: {
      Authorization: `Bearer ${server.apiKey}`,
      'Content-Type': 'application/json',
      ...parts.headers,
    },
    body: parts.body ?? JSON.stringify({ messages, ...fields }),
  });
}

/** Opens a connection and sends a chat request; the caller closes the connection. */
export async function startChat(server: TestServer, fields: Fields): Promise<RawConnection> {
  const connection = await connect(server.port);
  connection.send(chatBytes(server, fields));
  return connection;
}

/** One request on a connection of its own. */
export async function exchange(server: TestServer, bytes: Buffer, method = 'GET'): Promise<RawResponse> {
  await using connection = await connect(server.port, [method]);
  connection.send(bytes);
  // `await`: the connection must not be closed before the answer is there.
  return await connection.response();
}

/** A request with the key, unless `headers` say otherwise; a header given as '' is left out. */
export function ask(server: TestServer, parts: RequestParts): Promise<RawResponse> {
  const given = Object.entries({ Authorization: `Bearer ${server.apiKey}`, ...parts.headers });
  const headers = Object.fromEntries(given.filter(([, value]) => value !== ''));
  return exchange(server, requestBytes({ ...parts, headers }), parts.method);
}

/** Fails unless the answer is one whole error envelope of that status and code; gives its error. */
export function expectRefusal(response: RawResponse, status: number, code: string): ErrorEnvelope['error'] {
  const text = response.body.toString('utf8');
  expect({ status: response.status, body: text }).toMatchObject({ status });
  expect(response.header('content-type')).toMatch(/^application\/json/);
  expect(response.header('x-request-id')).toMatch(/\S/);
  const { error } = JSON.parse(text) as ErrorEnvelope;
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
  expect(error.code).toBe(code);
  return error;
}
