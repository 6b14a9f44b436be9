import { createServer, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { until } from '../support/until.ts';

/** One answer of {@link GatedUpstream}: it says what the test lets it say, and ends when the test ends it. */
export interface GatedAnswer {
  /** The messages that it was asked for. */
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  say(...words: readonly string[]): void;
  finish(): void;
  /** Breaks the connection. */
  cut(): void;
  /** Its reader has left. */
  isLeft(): boolean;
}

/** An OpenAI-compatible upstream whose answers a test speaks: nothing that the test interrupts can end before. */
export interface GatedUpstream {
  readonly url: string;
  readonly answers: readonly GatedAnswer[];
  /** The answer that is asked for next, counted from 0. */
  answer(at: number): Promise<GatedAnswer>;
  close(): Promise<void>;
}

export async function startGatedUpstream(): Promise<GatedUpstream> {
  const answers: GatedAnswer[] = [];
  const server = createServer(async (asked, response) => {
    const { messages } = JSON.parse(await text(asked)) as Pick<GatedAnswer, 'messages'>;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    answers.push(gated(response, messages));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('an upstream without a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    answers,
    answer: (at) => until(`answer ${at} is asked for`, 20_000, () => answers[at]),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function gated(response: ServerResponse, messages: GatedAnswer['messages']): GatedAnswer {
  let isLeft = false;
  response.once('close', () => {
    isLeft = !response.writableFinished;
  });
  const send = (choice: object): void => {
    const chunk = { id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [choice] };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  return {
    messages,
    isLeft: () => isLeft,
    say(...words) {
      for (const content of words) send({ index: 0, delta: { content }, finish_reason: null });
    },
    cut: () => response.destroy(),
    finish() {
      send({ index: 0, delta: {}, finish_reason: 'stop' });
      response.end('data: [DONE]\n\n');
    },
  };
}
