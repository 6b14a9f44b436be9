import { existsSync } from 'node:fs';
import { startChild } from '../support/child.ts';
import { freePort } from '../support/free-port.ts';
import { createScratch } from '../support/scratch.ts';
import type { RealEngine } from './engine-suite.ts';
import { untilHealthy } from './serving.ts';
import { toolTemplate } from './tool-template.ts';

const binary = process.env['TAILRACE_TEST_LLAMA_SERVER'] ?? '';
const model = process.env['TAILRACE_TEST_MODEL'] ?? '';

export const hasLlamaServer = existsSync(binary) && existsSync(model);

/** llama.cpp's own server on one thread, with a template for tools. */
export async function startLlamaServer(): Promise<RealEngine> {
  const scratch = createScratch('llama-server');
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const child = startChild(binary, [
    ...['-m', model, '--alias', 'smollm2', '--host', '127.0.0.1', '--port', String(port)],
    ...['-t', '1', '-c', '4096', '-np', '2', '--metrics', '--jinja'],
    ...['--chat-template-file', scratch.write('tools.jinja', toolTemplate)],
  ]);
  await untilHealthy('llama-server', origin, child, 60_000);
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
