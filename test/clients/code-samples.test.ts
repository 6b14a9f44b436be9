import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ReadableStream } from 'node:stream/web';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  codeSamples,
  type SampleName,
  sampleNamed,
} from '../../packages/playground/src/playground/code-samples/code-samples.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { python } from './client.ts';

/*
 * Each program that the page shows under `Code` is run as its reader would, against the real server, over a relay that notes the body:
 * it has to be the request of the page, and the answer has to be printed.
 */

const answer = 'Rivers carry water downhill.';
const folder = fileURLToPath(new URL('.', import.meta.url));
const pythonSources = fileURLToPath(new URL('../../python/src', import.meta.url));

let server: TestServer;
let relay: Server;
let origin: string;
let sent: Body = {};

beforeAll(async () => {
  server = await startServer({
    model: 'none',
    config: { ...oneAttempt, upstreams: labUpstreams, models: labModels },
    files: labFiles,
  });
  relay = createServer(async (request, response) => {
    const body = await text(request);
    sent = JSON.parse(body) as typeof sent;
    const { authorization = '' } = request.headers;
    const answered = await fetch(`${server.baseUrl}${request.url}`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body,
    });
    response.writeHead(answered.status, { 'content-type': answered.headers.get('content-type') ?? '' });
    Readable.fromWeb(answered.body as ReadableStream).pipe(response);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
});
afterAll(async () => {
  relay?.close();
  await server?.stop();
});

/** What runs the programs of each kind, given a program as its last argument. */
const runners: Readonly<Record<SampleName, readonly [string, ...string[]]>> = {
  curl: ['sh', '-c'],
  'Python (OpenAI)': [python, '-c'],
  'Python (Tailrace)': [python, '-c'],
  'TypeScript (OpenAI)': [process.execPath, '--input-type=module', '-e'],
  // As this repository has it; the package is tried by test/machines/.
  'TypeScript (Tailrace)': [process.execPath, '--conditions=tailrace-source', '--input-type=module', '-e'],
  'AI SDK': [process.execPath, '--input-type=module', '-e'],
  fetch: [process.execPath, '--input-type=module', '-e'],
};

type Body = Readonly<Record<string, unknown>>;

async function run(name: SampleName, body: Body, mayFail = false): Promise<string> {
  const [program, ...args] = [...runners[name], sampleNamed(name).write(body, origin)];
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, TAILRACE_API_KEY: server.apiKey, PYTHONPATH: pythonSources },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, error, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.on('close', resolve)),
  ]);
  if (!mayFail) expect(code, error).toBe(0);
  return out;
}

const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"place":"Bern"}' } };
const weather = {
  name: 'weather',
  description: "The 'weather' there",
  parameters: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
};
const body = {
  model: 'lab/plain',
  messages: [
    { role: 'system', content: 'Be "brief".' },
    { role: 'user', content: `It's $HOME, \`x\`, \\n and ü\nin two lines` },
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: 'call_1', content: 'Rain.' },
    { role: 'user', content: 'So?' },
  ],
  temperature: 0.5,
  top_p: 0.9,
  max_tokens: 64,
  seed: 7,
  stop: ["don't"],
  tools: [{ type: 'function', function: weather }],
  reasoning_effort: 'low',
};

/** Without what the AI SDK says by itself and means nothing: the choice of tools that holds anyway. */
function said({ tool_choice: choice, ...request }: Body): Body {
  return choice === undefined || choice === 'auto' ? request : { ...request, tool_choice: choice };
}

describe.skipIf(process.platform === 'win32')('the programs under Code', () => {
  describe.each(codeSamples)('$name', ({ name }) => {
    test('streams this very request', async () => {
      const printed = await run(name, { ...body, stream: true });
      expect(printed).toContain(name === 'curl' ? '"hill."' : answer);
      expect(said(sent)).toEqual({ ...body, stream: true });
    });

    test('asks for the whole answer where the page does', async () => {
      const printed = await run(name, body);
      expect(printed).toContain(answer);
      expect(said(sent)).toEqual(body);
    });

    test('says which tool is to be called, and which form the answer has', async () => {
      const forced = {
        ...body,
        tool_choice: { type: 'function', function: { name: 'weather' } },
        response_format: { type: 'json_object' },
        top_logprobs: 2,
        logprobs: true,
      };
      // The answer of this model is no call, so the server ends it in an error.
      await run(name, forced, true);
      expect(said(sent)).toEqual(forced);
    });
  });
});
