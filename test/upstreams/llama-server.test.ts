/** llama.cpp's own server as the preset `llamacpp`. No prompt cache there: then it repeats itself. */
import { expect, test } from 'vitest';
import { gaugeTotal } from '../../packages/server/src/upstreams/openai/load-text.ts';
import { presets } from '../../packages/server/src/upstreams/openai/presets.ts';
import { until } from '../support/until.ts';
import { user } from './engine-cases.ts';
import { describeEngine } from './engine-suite.ts';
import { hasLlamaServer, startLlamaServer } from './start-llama-server.ts';

const load = presets.llamacpp.load;

describeEngine(
  {
    name: 'llama-server',
    preset: 'llamacpp',
    needs: 'TAILRACE_TEST_LLAMA_SERVER names its binary, TAILRACE_TEST_MODEL a GGUF',
    present: hasLlamaServer,
    start: startLlamaServer,
    fields: { cache_prompt: false },
    usage: 'of one choice',
    tooLong: 'refused',
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
