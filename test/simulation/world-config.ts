import type { Config } from '../../packages/server/src/config/config.ts';
import { loadConfig } from '../../packages/server/src/config/load-config.ts';
import { memoryFiles } from '../../packages/server/src/testing/memory-files.ts';

export const adminKey = 'admin-key-of-the-simulation';

/** `pair` fails over and is taken over, `hedged` asks a second target beside a slow one, `alone` has one target. */
export const models = ['alone', 'pair', 'hedged'] as const;

/** A token of a prompt costs one micro-dollar, and one of an answer two. */
const price = 'price: {input: 1, output: 2}';

const text = `
upstreams:
  first: {kind: openai, base_url: "http://127.0.0.1:1/v1"}
  second: {kind: openai, base_url: "http://127.0.0.1:2/v1"}
models:
  alone:
    targets: [{upstream: first}]
    ${price}
  pair:
    targets: [{upstream: first}, {upstream: second, priority: 1}]
    ${price}
  hedged:
    targets: [{upstream: first}, {upstream: second, priority: 1}]
    timeouts: {hedge_after: 500ms}
    ${price}
timeouts: {first_token: 20s, stall: 5s, total: 2m}
logging: {level: error}
`;

/** The configuration of every service, read once. */
export async function worldConfig(): Promise<Config> {
  const loaded = await loadConfig({
    env: { TAILRACE_API_KEY: 'key-of-the-simulation', TAILRACE_ADMIN_KEY: adminKey },
    cwd: '/simulation',
    flags: { noEngine: true },
    files: memoryFiles('/simulation', { 'tailrace.yaml': text }),
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}
