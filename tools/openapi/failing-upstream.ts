import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An OpenAI-compatible server that fails in the way that the model's name says. */
export interface FailingUpstream {
  /** `http://127.0.0.1:PORT/v1`. */
  readonly baseUrl: string;
  stop(): Promise<void>;
}

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-upstream',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'upstream',
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;

const tooLong = {
  message:
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
  type: 'invalid_request_error',
  param: 'messages',
  code: 'context_length_exceeded',
};
const notAllowed = {
  message: 'Your request was rejected by our safety system.',
  type: 'invalid_request_error',
  param: null,
  code: 'content_policy_violation',
};
const wrongKey = {
  message: 'Incorrect API key provided.',
  type: 'invalid_request_error',
  code: 'invalid_api_key',
};

export async function startFailingUpstream(): Promise<FailingUpstream> {
  const server = createServer((request, response) => {
    const refuse = (status: number, error: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    request.on('end', () => {
      const { model } = JSON.parse(body) as { readonly model: string };
      if (model === 'too-long') return refuse(400, tooLong);
      if (model === 'not-allowed') return refuse(400, notAllowed);
      if (model === 'wrong-key') return refuse(401, wrongKey);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (model === 'garbage') return response.end('<html>It works!</html>');
      response.write(chunk({ role: 'assistant', content: 'The answer is' }));
      // Time for the bytes to leave: a reset takes back what is still here.
      return setImmediate(() => response.socket?.resetAndDestroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
