import { healthyTokens } from '../../packages/server/src/wall/healthy-answer.ts';
import { connect, type RawConnection, requestBytes } from '../support/raw-connection.ts';

export const messages = [{ role: 'user', content: 'Tell me about the mill.' }];

/** The tokens of a healthy answer to {@link messages}. */
export const tokens = healthyTokens({
  messages: messages.map(({ role, content }) => ({ role, text: content })),
});

export function chatRequest(
  fields: Readonly<Record<string, unknown>>,
  headers: Record<string, string> = {},
): Buffer {
  return requestBytes({
    path: '/v1/chat/completions',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ messages, stream: true, stream_options: { include_usage: true }, ...fields }),
  });
}

/** Asks for a fault on a connection of its own; the caller closes it. */
export async function askWall(
  port: number,
  fault: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<RawConnection> {
  const connection = await connect(port);
  connection.send(chatRequest({ model: `wall/${fault}`, ...fields }));
  return connection;
}

/** What the events of a body hold, as far as they are JSON. */
export function readEvents(body: Buffer | string) {
  // A byte order mark is no part of the first event.
  const text = body.toString().replace(/^\ufeff/, '');
  const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, json = '']) => json);
  const chunks = data.flatMap((json) => {
    try {
      const value: unknown = JSON.parse(json);
      return typeof value === 'object' && value !== null ? [value as WallChunk] : [];
    } catch {
      return [];
    }
  });
  const choices = chunks.flatMap(({ choices: given }) => given ?? []);
  return {
    data,
    chunks,
    text: choices.map(({ delta }) => delta?.content ?? '').join(''),
    roles: choices.filter(({ delta }) => delta?.role !== undefined).length,
    finishes: choices.flatMap(({ finish_reason: reason }) => (reason == null ? [] : [reason])),
    usages: chunks.flatMap(({ usage }) => (usage == null ? [] : [usage])),
    calls: choices.flatMap(({ delta }) => delta?.tool_calls ?? []),
    done: data.filter((json) => json === '[DONE]').length,
  };
}

interface WallChunk {
  readonly choices?: readonly {
    readonly index: number;
    readonly delta?: {
      readonly role?: string;
      readonly content?: string | null;
      readonly tool_calls?: readonly {
        readonly index: number;
        readonly id?: string;
        readonly function: { readonly name?: string; readonly arguments: string };
      }[];
    };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: Readonly<Record<string, unknown>> | null;
  readonly error?: unknown;
}
