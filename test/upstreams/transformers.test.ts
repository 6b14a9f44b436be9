/** `transformers serve` on a CPU, as any OpenAI-compatible server: no [DONE], and many fields that it silently ignores. */
import { existsSync } from 'node:fs';
import { startChild } from '../support/child.ts';
import { endFamily } from '../support/family.ts';
import { freePort } from '../support/free-port.ts';
import { createScratch } from '../support/scratch.ts';
import { describeEngine, type RealEngine } from './engine-suite.ts';
import { untilHealthy } from './serving.ts';

const command = process.env['TAILRACE_TEST_TRANSFORMERS'] ?? '';
const model = process.env['TAILRACE_TEST_VLLM_MODEL'] ?? '';

async function start(): Promise<RealEngine> {
  const scratch = createScratch('transformers');
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const child = startChild(
    command,
    ['serve', model, '--host', '127.0.0.1', '--port', String(port), '--device', 'cpu', '--reasoning', 'off'],
    { env: { PATH: process.env['PATH'], HOME: scratch.path, HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' } },
  );
  await untilHealthy('transformers', origin, child, 170_000);
  return {
    baseUrl: `${origin}/v1`,
    apiKey: 'none',
    model,
    kill: () => endFamily(child, 'SIGKILL'),
    async stop() {
      await endFamily(child, 'SIGTERM');
      scratch.remove();
    },
  };
}

describeEngine({
  name: 'transformers serve',
  needs: 'TAILRACE_TEST_TRANSFORMERS names its command, TAILRACE_TEST_VLLM_MODEL a folder of weights',
  present: existsSync(command) && existsSync(model),
  start,
  without: {
    'a JSON object': 'it passes response_format over',
    'a schema': 'it passes response_format over',
    'a tool call': 'it knows none of this model',
    'a call by name': 'it knows none of this model',
    'two choices': 'it makes one',
  },
  refused: [{ no_such_field: 1 }, 400, 'invalid_value'],
});
