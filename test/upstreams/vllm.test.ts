/** vLLM on a CPU, as its preset. Without its prefix cache, so that it repeats its answers. */
import { existsSync } from 'node:fs';
import { test } from 'vitest';
import { presets } from '../../packages/server/src/upstreams/openai/presets.ts';
import { startChild } from '../support/child.ts';
import { endFamily } from '../support/family.ts';
import { freePort } from '../support/free-port.ts';
import { createScratch } from '../support/scratch.ts';
import { story } from './engine-cases.ts';
import { describeEngine, type RealEngine } from './engine-suite.ts';
import { untilHealthy, untilRequestsRun } from './serving.ts';
import { toolTemplate } from './tool-template.ts';

const command = process.env['TAILRACE_TEST_VLLM'] ?? '';
const model = process.env['TAILRACE_TEST_VLLM_MODEL'] ?? '';
const load = presets.vllm.load;

async function start(): Promise<RealEngine> {
  const scratch = createScratch('vllm');
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const child = startChild(
    command,
    [
      ...['serve', model, '--served-model-name', 'smollm2', '--host', '127.0.0.1', '--port', String(port)],
      ...['--enforce-eager', '--max-model-len', '2048', '--max-num-seqs', '4', '--no-enable-prefix-caching'],
      ...['--enable-auto-tool-choice', '--tool-call-parser', 'hermes'],
      ...['--chat-template', scratch.write('tools.jinja', toolTemplate)],
    ],
    {
      env: {
        PATH: process.env['PATH'],
        HOME: scratch.path,
        HF_HUB_OFFLINE: '1',
        OMP_NUM_THREADS: '1',
        VLLM_CPU_KVCACHE_SPACE: '1',
        VLLM_CPU_OMP_THREADS_BIND: 'nobind',
        VLLM_NO_USAGE_STATS: '1',
      },
    },
  );
  await untilHealthy('vLLM', origin, child, 170_000);
  return {
    baseUrl: `${origin}/v1`,
    apiKey: 'none',
    model: 'smollm2',
    kill: () => endFamily(child, 'SIGKILL'),
    async stop() {
      await endFamily(child, 'SIGTERM');
      scratch.remove();
    },
  };
}

describeEngine(
  {
    name: 'vLLM',
    preset: 'vllm',
    needs: 'TAILRACE_TEST_VLLM names its command, TAILRACE_TEST_VLLM_MODEL a folder of weights',
    present: existsSync(command) && existsSync(model),
    start,
    unknownModel: [502, 'upstream_refused'],
    tooLong: 'refused',
    refused: [{ top_k: 'many' }, 400, 'invalid_value'],
    takeover: 'prefix',
    calls: 'one',
  },
  (running) => {
    test('a stream that its client leaves ends at the engine too, and its metrics are those that the preset names', async () => {
      const abort = new AbortController();
      const fields = { ...story, max_tokens: 1_500, min_tokens: 1_000, stream: true };
      const response = await running().through(fields, abort.signal);
      await response.body?.getReader().read();
      await untilRequestsRun(running().engine.baseUrl, load, 1);
      abort.abort();
      await untilRequestsRun(running().engine.baseUrl, load, 0);
    });
  },
);
