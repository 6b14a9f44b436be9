/** llama.cpp's own server as the preset `llamacpp`. No prompt cache there: then it repeats itself. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { gaugeTotal } from '../../packages/server/src/upstreams/openai/load-text.ts';
import { presets } from '../../packages/server/src/upstreams/openai/presets.ts';
import { startChild } from '../support/child.ts';
import { freePort } from '../support/free-port.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { user } from './engine-cases.ts';
import { describeEngine, type RealEngine } from './engine-suite.ts';
import { toolTemplate } from './tool-template.ts';

const binary = process.env['TAILRACE_TEST_LLAMA_SERVER'] ?? '';
const model = process.env['TAILRACE_TEST_MODEL'] ?? '';
const load = presets.llamacpp.load;

async function start(): Promise<RealEngine> {
  const scratch = createScratch('llama-server');
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const child = startChild(binary, [
    ...['-m', model, '--alias', 'smollm2', '--host', '127.0.0.1', '--port', String(port)],
    ...['-t', '1', '-c', '4096', '-np', '2', '--metrics', '--jinja'],
    ...['--chat-template-file', scratch.write('tools.jinja', toolTemplate)],
  ]);
  await until('llama-server to serve', 60_000, async () => {
    if (child.exit() !== undefined) throw new Error(child.stderr());
    const health = await fetch(`${origin}/health`).catch(() => undefined);
    return health?.ok === true ? true : undefined;
  });
  return {
    baseUrl: `${origin}/v1`,
    apiKey: 'none',
    model: 'smollm2',
    kill: async () => void (await child.end('SIGKILL', 0)),
    async stop() {
      await child.end('SIGTERM', 5_000);
      scratch.remove();
    },
  };
}

describeEngine(
  {
    name: 'llama-server',
    preset: 'llamacpp',
    needs: 'TAILRACE_TEST_LLAMA_SERVER names its binary, TAILRACE_TEST_MODEL a GGUF',
    present: existsSync(binary) && existsSync(model),
    start,
    fields: { cache_prompt: false },
    usage: 'of one choice',
    tooLong: 'refused',
    thinks: true,
    calls: 'one',
  },
  (running) => {
    test('a stream that its client leaves ends there too, and its metrics tell as the preset says', async () => {
      const { through } = running();
      const abort = new AbortController();
      const fields = { messages: user('Write a very long story about a river.'), max_tokens: 1_500 };
      const all = { ...fields, stream: true, logit_bias: { 0: -100, 2: -100 } };
      const response = await through(all, abort.signal);
      await response.body?.getReader().read();
      await untilRunning(1);
      abort.abort();
      await untilRunning(0);
    });

    async function untilRunning(count: number): Promise<void> {
      const { origin } = new URL(running().engine.baseUrl);
      await until(`${count} requests to run at llama-server`, 10_000, async () => {
        const page = await (await fetch(`${origin}${load.path}`)).text();
        expect(gaugeTotal(page, load.waiting)).toBe(0);
        return gaugeTotal(page, load.running) === count ? true : undefined;
      });
    }
  },
);
