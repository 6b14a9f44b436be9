import { healthyTokens } from '../../packages/server/src/wall/healthy-answer.ts';
import { parseResponses, type RawResponse } from '../support/http-bytes.ts';
import { connect, type RequestParts, requestBytes } from '../support/raw-connection.ts';
import type { TestServer } from '../support/server.ts';

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** The tokens of a healthy answer to these messages. */
export function tokensFor(messages: readonly ChatMessage[], choice = 0, json = false): readonly string[] {
  const asked = messages.map(({ role, content }) => ({ role, text: content }));
  return healthyTokens({ messages: asked, json }, choice);
}

/** The tokens of these messages, as the wall counts them. */
export function promptTokensOf(messages: readonly ChatMessage[]): number {
  return messages.reduce((sum, { content }) => sum + 4 + content.split(/\s+/).length, 0);
}

type Reachable = Pick<TestServer, 'port' | 'apiKey' | 'adminKey'>;

/**
 * One request on a connection of its own, and the answer as it was when the server closed: complete or not.
 * Undefined where the connection ended before a head. Throws where it does not end within `withinMs`: a hang.
 */
export function askRelay(
  server: Reachable,
  fields: Readonly<Record<string, unknown>>,
  withinMs: number,
): Promise<RawResponse | undefined> {
  const path = '/v1/chat/completions';
  return exchange(server.port, server.apiKey, { path, body: JSON.stringify(fields) }, withinMs);
}

/** The running streams, as `GET /admin/v1/streams` lists them. Unlike `fetch` it leaves no connection open. */
export async function liveRuns(server: Reachable): Promise<readonly unknown[]> {
  const response = await exchange(
    server.port,
    server.adminKey,
    { path: '/admin/v1/streams?limit=1000' },
    10_000,
  );
  const { data } = JSON.parse(response?.body.toString() ?? '') as { data: readonly unknown[] };
  return data;
}

async function exchange(
  port: number,
  key: string,
  parts: RequestParts,
  withinMs: number,
): Promise<RawResponse | undefined> {
  // Where a proxy between resets what it has just accepted, that is an end without a head as well.
  const connected = await connect(port).catch(() => undefined);
  if (connected === undefined) return undefined;
  await using connection = connected;
  const headers = {
    Authorization: `Bearer ${key}`,
    'Content-Type': 'application/json',
    Connection: 'close',
  };
  connection.send(requestBytes({ ...parts, headers }));
  const closed = await connection.untilClosed(withinMs);
  return parseResponses(connection.received(), { closed: closed === 'end' })[0];
}
