/** llama.cpp's own server as the preset `llamacpp`. Without its prompt cache, so that it repeats its answers. */

import { test } from 'vitest';
import { presets } from '../../packages/server/src/upstreams/openai/presets.ts';
import { endlessText } from '../support/endless-text.ts';
import { user } from './engine-cases.ts';
import { describeEngine } from './engine-suite.ts';
import { untilRequestsRun } from './serving.ts';
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
    test('a stream that its client leaves ends at the engine too, and its metrics are those that the preset names', async () => {
      const { through } = running();
      const abort = new AbortController();
      const fields = {
        messages: user('Write a very long story about a river.'),
        max_tokens: 1_500,
        ...endlessText,
      };
      const response = await through({ ...fields, stream: true }, abort.signal);
      await response.body?.getReader().read();
      await untilRequestsRun(running().engine.baseUrl, load, 1);
      abort.abort();
      await untilRequestsRun(running().engine.baseUrl, load, 0);
    });
  },
);
