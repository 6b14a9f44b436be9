import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** An upstream whose errors repeat all that it was sent: keys, headers, prompts. The model of a request says how it answers. */
export interface RepeatingUpstream {
  readonly baseUrl: string;
  /** Everything that it was sent: what a test looks for must have been here. */
  received(): string;
  close(): Promise<void>;
}

export async function startRepeatingUpstream(answerText: string): Promise<RepeatingUpstream> {
  let received = '';
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const all = `${JSON.stringify(request.headers)} ${body}`;
      received += all;
      answer(request, response, { body, all, answerText });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    received: () => received,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Received {
  readonly body: string;
  readonly all: string;
  readonly answerText: string;
}

const refusals: Readonly<Record<string, number>> = {
  'refuses-request': 400,
  'refuses-key': 401,
  'limits-key': 429,
  fails: 500,
};

function answer(_: IncomingMessage, response: ServerResponse, { body, all, answerText }: Received): void {
  const model = /"model":"([^"]+)"/.exec(body)?.[1] ?? '';
  const error = { message: `Could not serve ${all}`, type: all, code: all, param: all };
  const status = refusals[model];
  if (status !== undefined) {
    response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req' });
    response.end(JSON.stringify({ error }));
    return;
  }
  if (model === 'talks-html') {
    response.writeHead(502, { 'content-type': 'text/html' }).end(`<html><h1>${all}</h1></html>`);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const chunk = (delta: object, finish: string | null): string =>
    `data: ${JSON.stringify({
      id: 'x',
      object: 'chat.completion.chunk',
      created: 1,
      model,
      choices: [{ index: 0, delta, finish_reason: finish }],
    })}\n\n`;
  response.write(chunk({ role: 'assistant', content: answerText }, null));
  if (model === 'breaks') {
    response.end(`data: ${JSON.stringify({ error })}\n\n`);
    return;
  }
  if (model === 'babbles') {
    response.end(`data: {"choices": [${all}\n\n`);
    return;
  }
  if (model === 'cuts') {
    setTimeout(() => response.destroy(), 20);
    return;
  }
  if (model === 'lasts') {
    const timer = setInterval(() => response.write(chunk({ content: ' more' }, null)), 20);
    response.on('close', () => clearInterval(timer));
    return;
  }
  response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
}
