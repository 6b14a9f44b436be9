import { expect, it } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import type { Config } from './config.ts';
import { configJson } from './config-json.ts';
import { formatProblem } from './config-problem.ts';
import { loadConfig } from './load-config.ts';

const files = {
  'answers.yaml': '',
  'model.gguf': '',
  'ca.pem': '',
  'prices.json': '{"groq/m": {"input_cost_per_token": 1e-7, "output_cost_per_token": 2e-7}}',
};

async function load(text: string, env = {}): Promise<Config> {
  const loaded = await loadConfig({
    env,
    cwd: '/etc/tailrace',
    files: memoryFiles('/etc/tailrace', { 'tailrace.yaml': text, ...files }),
  });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.config;
}

const plain = {
  secret: (text: string) => text,
  url: (text: string) => text,
  address: (text: string) => text,
};

it.each([
  ['an empty file', '{}'],
  [
    'a file that sets everything',
    `
server: {listen: "[::1]:7245", data_dir: ./d, public_url: "https://ai.example.org", workers: 2, max_streams: 7, max_body: 3MiB, cors_origins: ["https://a.example"], shed: {memory: 29%, loop_delay: off}}
engine: {threads: 2, queue: 3, flash_attention: true, models: {m: {file: model.gguf, sequences: 2, context: max, public: false, defaults: {temperature: 0.3, top_p: 0.5, top_k: 4, min_p: 0.1, presence_penalty: 1, frequency_penalty: -1}}}}
upstreams:
  a: {preset: groq, base_url: "https://h/v1?x=1", api_key: [k1, k2], headers: {x-a: b}, ca_file: ca.pem, proxy: "http://u:p@proxy:1"}
  b: {kind: scripted, script: answers.yaml}
models:
  one: {aliases: [uno], balance: least_busy, fallbacks: [two], context: 4096, timeouts: {stall: 3s, hedge_after: 1500ms, drain: 0s}, price: {input: 0.15, output: 1e-3, cached: 0, cache_write: 2, request: 0.01, above: [{tokens: 10, input: 3}]}, targets: [{upstream: a, model: m, priority: 1, weight: 0.5, takeover: none}, {engine: m}]}
  two: {targets: [{upstream: a, model: m}]}
limits: {max_streams: 1, requests_per_minute: 2, tokens_per_minute: 3, on_store_failure: share, replicas: 4}
timeouts: {connect: 1s, first_token: 2m, stall: 3s, total: 1h, hedge_after: 4s, client_write: 5s, drain: 0s}
retry: {per_target: 1, total: 2, backoff: 0s, honour_retry_after: 90s}
stream: {keepalive: chunk, keepalive_after: 1s, hold_head: 0s, usage_chunk: separate, grace: 0s, retention: 1h, journal: {per_stream: 1MiB, total: 2MiB}, max_event: 2MiB}
breaker: {failures: 1, window: 2s, probe_every: 3s}
logging: {level: debug, format: json, content: true, content_retention: 3d}
telemetry: {metrics: admin, traces: {endpoint: "https://collector.example/v1/traces", sample: 0.25, headers: {x-api-key: sealed-key-of-the-collector}, baggage: [tenant]}}
storage: {database_url: "postgres://u:p@a,b/db", redis_url: "redis://:p@r", retention: 7d, spool: 3MiB, prices_file: prices.json}
usage: {webhook: {url: "https://hooks.example/a/b", secret: 0123456789abcdef}}
console: {enabled: false, fault_lab: true}
auth: {api_keys: [one-key], admin_keys: [other-key], key_prefix: zz_, required: true, oidc: {issuer: "http://127.0.0.1:9/realms/a", client_id: us, client_secret: hush, admins: [a@b.c, D@e.f]}}
`,
  ],
])('a configuration, shown without a mask, loads to the same configuration: %s', async (_, text) => {
  const config = await load(text);
  const shown = JSON.stringify(configJson(config, plain));
  // Where it stands in the file is another place there.
  expect({ ...(await load(shown)), origins: {} }).toEqual({ ...config, origins: {} });
});

it('values of the environment are shown like those of the file', async () => {
  const config = await load('{}', { TAILRACE_LISTEN: '127.0.0.1:9', TAILRACE_LOG_LEVEL: 'warn' });
  expect(configJson(config, plain)).toMatchObject({
    server: { listen: '127.0.0.1:9' },
    logging: { level: 'warn' },
  });
});
