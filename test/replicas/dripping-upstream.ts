import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** What an answer consists of: so many pieces of text, one after the other, and the time between two of them. */
export interface Drip {
  /** Different in each request of a test. */
  readonly name: string;
  readonly pieces: number;
  readonly everyMs: number;
  /** Milliseconds before the first piece; 0 where it is absent. */
  readonly silentMs?: number;
}

/** An OpenAI-compatible upstream outside of all replicas, which counts how often it was asked for each answer. */
export interface DrippingUpstream {
  readonly baseUrl: string;
  /** How often the answer of this name was asked for. */
  asked(name: string): number;
  /** Answers that are being written now. */
  running(): number;
  close(): Promise<void>;
}

/** The body of the request for an answer. */
export function bodyOf(drip: Drip, fields: Readonly<Record<string, unknown>> = { stream: true }): string {
  return JSON.stringify({
    ...{ model: 'drip', ...fields },
    messages: [{ role: 'user', content: JSON.stringify(drip) }],
  });
}

/** The text of an answer. */
export function textOf({ name, pieces }: Drip): string {
  return Array.from({ length: pieces }, (_, index) => piece(name, index)).join('');
}

/** The caller closes it. */
export async function startDrippingUpstream(): Promise<DrippingUpstream> {
  const counts = new Map<string, number>();
  let running = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { messages } = JSON.parse(await text(request)) as {
      readonly messages: readonly { readonly content: string }[];
    };
    const { name, pieces, everyMs, silentMs = 0 } = JSON.parse(messages[0]?.content ?? '') as Drip;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    running += 1;
    response.once('close', () => {
      running -= 1;
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    if (silentMs > 0) await sleep(silentMs);
    for (let index = 0; index < pieces && !response.destroyed; index += 1) {
      response.write(chunk({ content: piece(name, index) }));
      await sleep(everyMs);
    }
    const usage = { prompt_tokens: 5, completion_tokens: pieces, total_tokens: 5 + pieces };
    response.end(`${chunk({}, 'stop')}${event({ ...envelope, choices: [], usage })}data: [DONE]\n\n`);
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked: (name) => counts.get(name) ?? 0,
    running: () => running,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function piece(name: string, index: number): string {
  return `${name}.${index} `;
}

const envelope = { id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm' };

function chunk(delta: object, finish: string | null = null): string {
  return event({ ...envelope, choices: [{ index: 0, delta, finish_reason: finish }] });
}

function event(json: object): string {
  return `data: ${JSON.stringify(json)}\n\n`;
}
