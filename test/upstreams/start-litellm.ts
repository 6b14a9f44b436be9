import { existsSync } from 'node:fs';
import { startChild } from '../support/child.ts';
import { endFamily } from '../support/family.ts';
import { freePort } from '../support/free-port.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import type { RealEngine } from './engine-suite.ts';
import { hasLlamaServer, startLlamaServer } from './start-llama-server.ts';

/** It refuses to start with a short one. */
const apiKey = 'sk-0f6d1c84b97e4a35a2d8c3f17b60e95d';
const command = process.env['TAILRACE_TEST_LITELLM'] ?? '';

export const hasLiteLlm = existsSync(command) && hasLlamaServer;

/** LiteLLM's proxy in front of llama.cpp's own server. */
export async function startLiteLlm(): Promise<RealEngine> {
  const engine = await startLlamaServer();
  const scratch = createScratch('litellm');
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const model = { model: `openai/${engine.model}`, api_base: engine.baseUrl, api_key: 'none' };
  const config = {
    model_list: [{ model_name: 'smollm2', litellm_params: model }],
    litellm_settings: { num_retries: 0, telemetry: false },
  };
  const child = startChild(
    command,
    [
      '--config',
      scratch.write('litellm.yaml', JSON.stringify(config)),
      '--host',
      '127.0.0.1',
      '--port',
      `${port}`,
    ],
    {
      env: {
        PATH: process.env['PATH'],
        HOME: scratch.path,
        LITELLM_LOCAL_MODEL_COST_MAP: 'True',
        LITELLM_MASTER_KEY: apiKey,
      },
    },
  );
  try {
    await until('LiteLLM to serve', 120_000, async () => {
      if (child.exit() !== undefined) throw new Error(child.stdout() + child.stderr());
      const health = await fetch(`${origin}/health/liveliness`).catch(() => undefined);
      return health?.ok === true ? true : undefined;
    });
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return {
    baseUrl: `${origin}/v1`,
    apiKey,
    model: 'smollm2',
    kill: () => endFamily(child, 'SIGKILL'),
    async stop() {
      await endFamily(child, 'SIGTERM');
      await engine.stop();
      scratch.remove();
    },
  };
}
