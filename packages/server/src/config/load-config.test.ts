// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like that.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import { presetNames } from '../upstreams/openai/presets.ts';
import type { Config } from './config.ts';
import type { ConfigFiles } from './config-files.ts';
import { formatProblem } from './config-problem.ts';
import { type ConfigSources, type LoadedConfig, loadConfig } from './load-config.ts';

const folder = '/etc/tailrace';
const machine = { platform: 'linux', homeDir: '/home/me' } as const;
const beside = { 'model.gguf': '', 'corp.pem': '', 'answers.yaml': '' };

async function load(yaml: string | undefined, more: Partial<ConfigSources> = {}): Promise<LoadedConfig> {
  const files = memoryFiles(folder, { ...beside, ...(yaml !== undefined && { 'tailrace.yaml': yaml }) });
  return loadConfig({ env: {}, cwd: folder, files, machine, ...more });
}

async function valid(yaml: string | undefined, more?: Partial<ConfigSources>): Promise<Config> {
  const loaded = await load(yaml, more);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.config;
}

async function problems(yaml: string | undefined, more?: Partial<ConfigSources>): Promise<readonly string[]> {
  const loaded = await load(yaml, more);
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

const contractSample = `
server:    {listen: 127.0.0.1:7245, data_dir: ./data, public_url: https://ai.example.org, workers: 1, max_streams: 2000, max_body: 10MiB, cors_origins: ["*"], shed: {memory: 90%, loop_delay: 200ms}}
engine:    {enabled: true, models: {smollm2-135m-instruct: {file: ./model.gguf, sequences: 8, context: 2048, defaults: {temperature: 0.2, top_p: 0.9}}}, threads: 1, queue: 64}
upstreams:
  lab:     {kind: openai, preset: vllm, base_url: "http://10.0.0.5:8000/v1", api_key: "\${LAB_KEY}", headers: {x-team: a}}
  claude:  {kind: anthropic, api_key: "\${ANTHROPIC_API_KEY}", ca_file: ./corp.pem, proxy: "http://…"}
models:
  acme/chat:
    aliases: [chat]
    targets:
      - {upstream: lab, model: llama-3.1-8b, weight: 2, takeover: prefix}
      - {engine: smollm2-135m-instruct}
    balance: weight
    fallbacks: [default]
    price: {input: 0.15, output: 0.60, cached: 0.05}
    context: 8192
limits:    {max_streams: 50, requests_per_minute: 600, tokens_per_minute: 200000, on_store_failure: deny, replicas: 1}
timeouts:  {connect: 5s, first_token: 120s, stall: 10s, total: 10m, hedge_after: 10s, client_write: 30s, drain: 30s}
retry:     {per_target: 3, total: 6, backoff: 500ms, honour_retry_after: 5s}
stream:    {keepalive: comment, keepalive_after: 10s, hold_head: 8s, usage_chunk: inline, grace: 30s, retention: 10m, journal: {per_stream: 16MiB, total: 256MiB}, max_event: 1MiB}
breaker:   {failures: 5, window: 30s, probe_every: 10s}
logging:   {level: info, format: auto, content: false, content_retention: 7d}
telemetry: {metrics: auto, traces: {endpoint: "http://collector:4318", sample: 1}}
storage:   {database_url: "postgres://…/tailrace", redis_url: "redis://…", retention: 90d, spool: 256MiB}
usage:     {webhook: {url: "https://hooks.example.org/usage", secret: "a-secret-of-the-receiver"}}
console:   {enabled: true}
auth:      {api_keys: ["\${TAILRACE_API_KEY}"], admin_keys: ["\${TAILRACE_ADMIN_KEY}"], key_prefix: tr_, required: true}
`;
const sampleEnv = {
  LAB_KEY: 'lab-key',
  ANTHROPIC_API_KEY: 'anthropic-key',
  TAILRACE_API_KEY: 'tr_one',
  TAILRACE_ADMIN_KEY: 'tr_two',
};

describe('the sample of the contract', () => {
  it('is valid as a whole', async () => {
    expect(await problems(contractSample, { env: sampleEnv })).toEqual([]);
  });

  it('has the values of the sample', async () => {
    const config = await valid(contractSample, { env: sampleEnv });
    expect(config).toMatchObject({
      server: {
        dataDir: '/etc/tailrace/data',
        publicUrl: 'https://ai.example.org',
        maxBodyBytes: 10 * 1024 ** 2,
        shed: { memory: 0.9, loopDelayMs: 200 },
      },
      engine: { enabled: true, threads: 1, queue: 64 },
      limits: { maxStreams: 50, requestsPerMinute: 600, tokensPerMinute: 200_000, onStoreFailure: 'deny' },
      timeouts: { connectMs: 5000, totalMs: 600_000, hedgeAfterMs: 10_000 },
      storage: { databaseUrl: 'postgres://…/tailrace', redisUrl: 'redis://…', retentionMs: 90 * 86_400_000 },
      auth: { apiKeys: ['tr_one'], adminKeys: ['tr_two'], keyPrefix: 'tr_', required: true },
      file: '/etc/tailrace/tailrace.yaml',
    });
    expect(config.upstreams.get('lab')).toEqual({
      kind: 'openai',
      preset: 'vllm',
      baseUrl: 'http://10.0.0.5:8000/v1',
      apiKeys: ['lab-key'],
      headers: { 'x-team': 'a' },
    });
    expect(config.models.get('acme/chat')).toEqual({
      aliases: ['chat', 'default'],
      targets: [
        { upstream: 'lab', model: 'llama-3.1-8b', priority: 0, weight: 2, takeover: 'prefix' },
        { upstream: 'engine', model: 'smollm2-135m-instruct', priority: 0, weight: 1 },
      ],
      balance: 'weight',
      fallbacks: [],
      price: { input: '0.15', output: '0.6', cached: '0.05', above: [] },
      context: 8192,
      timeouts: {},
    });
  });

  it('is frozen at every depth', async () => {
    const config = await valid(contractSample, { env: sampleEnv });
    expect(Object.isFrozen(config.server.listen)).toBe(true);
    expect(Object.isFrozen(config.models.get('acme/chat')?.targets[0])).toBe(true);
  });
});

describe('without a file', () => {
  it('every default is that of the contract', async () => {
    const config = await valid(undefined);
    expect(config).toEqual({
      origins: {},
      server: {
        listen: { host: '127.0.0.1', port: 7245, loopback: true },
        dataDir: '/etc/tailrace/data',
        cacheDir: '/home/me/.cache/tailrace',
        workers: 1,
        maxStreams: 2000,
        maxBodyBytes: 10 * 1024 ** 2,
        shed: { memory: 0.9, loopDelayMs: 200 },
        corsOrigins: ['*'],
      },
      engine: {
        enabled: true,
        models: new Map([['smollm2-135m-instruct', { sequences: 8, context: 2048, public: true }]]),
        queue: 64,
        flashAttention: false,
      },
      upstreams: new Map(),
      models: new Map([
        [
          'smollm2-135m-instruct',
          {
            aliases: ['default'],
            targets: [{ upstream: 'engine', model: 'smollm2-135m-instruct', priority: 0, weight: 1 }],
            balance: 'weight',
            fallbacks: [],
            timeouts: {},
          },
        ],
      ]),
      limits: { onStoreFailure: 'deny', replicas: 1 },
      timeouts: {
        connectMs: 5000,
        firstTokenMs: 120_000,
        stallMs: 10_000,
        totalMs: 600_000,
        clientWriteMs: 30_000,
        drainMs: 30_000,
      },
      retry: { perTarget: 3, total: 6, backoffMs: 500, honourRetryAfterMs: 5000 },
      stream: {
        keepalive: 'comment',
        keepaliveAfterMs: 10_000,
        holdHeadMs: 8000,
        usageChunk: 'inline',
        graceMs: 30_000,
        retentionMs: 600_000,
        journal: { perStreamBytes: 16 * 1024 ** 2, totalBytes: 256 * 1024 ** 2 },
        maxEventBytes: 1024 ** 2,
      },
      breaker: { failures: 5, windowMs: 30_000, probeEveryMs: 10_000 },
      logging: { level: 'info', format: 'auto', content: false, contentRetentionMs: 604_800_000 },
      telemetry: { metrics: 'auto' },
      storage: { retentionMs: 90 * 86_400_000, spoolBytes: 256 * 1024 ** 2 },
      usage: {},
      console: { enabled: true, faultLab: 'auto' },
      auth: { apiKeys: [], adminKeys: [], keyPrefix: 'tr_', required: true },
    });
  });

  it('warns of nothing', async () => {
    const loaded = await load(undefined);
    expect(loaded.ok && loaded.warnings).toEqual([]);
  });

  it.each([
    ['', 'an empty file'],
    ['# comments\n', 'a file of comments'],
    ['models:\nserver:\n', 'sections without content'],
  ])('is the same as with %j (%s)', async (text) => {
    const { file, ...config } = await valid(text);
    expect(file).toBe('/etc/tailrace/tailrace.yaml');
    expect(config).toEqual(await valid(undefined));
  });
});

describe('one key', () => {
  it.each<readonly [string, (config: Config) => unknown, unknown]>([
    [
      'server: {listen: "localhost:0"}',
      (c) => c.server.listen,
      { host: 'localhost', port: 0, loopback: true },
    ],
    ['server: {data_dir: ../state}', (c) => c.server.dataDir, '/etc/state'],
    ['server: {data_dir: /var/lib/tailrace}', (c) => c.server.dataDir, '/var/lib/tailrace'],
    [
      'server: {public_url: "https://ai.example.org/x"}',
      (c) => c.server.publicUrl,
      'https://ai.example.org/x',
    ],
    ['server: {workers: 4}', (c) => c.server.workers, 4],
    ['server: {workers: "4"}', (c) => c.server.workers, 4],
    ['server: {max_streams: 1}', (c) => c.server.maxStreams, 1],
    ['server: {max_body: 64KiB}', (c) => c.server.maxBodyBytes, 65_536],
    ['server: {cors_origins: []}', (c) => c.server.corsOrigins, []],
    [
      'server: {cors_origins: ["https://a.example:8443"]}',
      (c) => c.server.corsOrigins,
      ['https://a.example:8443'],
    ],
    ['engine: {threads: 3}', (c) => c.engine.threads, 3],
    ['engine: {queue: 0}', (c) => c.engine.queue, 0],
    ['engine: {flash_attention: true}', (c) => c.engine.flashAttention, true],
    [
      'engine: {models: {m: {file: model.gguf}}}',
      (c) => c.engine.models.get('m'),
      { file: '/etc/tailrace/model.gguf', sequences: 8, public: true },
    ],
    [
      'engine: {models: {m: {file: model.gguf, defaults: {temperature: 0, top_k: 20, presence_penalty: -1}}}}',
      (c) => c.engine.models.get('m')?.defaults,
      { temperature: 0, topK: 20, presencePenalty: -1 },
    ],
    [
      'engine: {models: {m: {file: model.gguf, defaults: {top_p: 0.9, min_p: 0.05, frequency_penalty: 2}}}}',
      (c) => c.engine.models.get('m')?.defaults,
      { topP: 0.9, minP: 0.05, frequencyPenalty: 2 },
    ],
    [
      'engine: {models: {m: {file: model.gguf, context: max}}}',
      (c) => c.engine.models.get('m')?.context,
      'max',
    ],
    [
      'upstreams: {u: {kind: scripted, script: answers.yaml}}',
      (c) => c.upstreams.get('u'),
      { kind: 'scripted', headers: {}, script: '/etc/tailrace/answers.yaml' },
    ],
    ['upstreams: {u: {base_url: "http://h/v1"}}', (c) => c.upstreams.get('u')?.kind, 'openai'],
    [
      'upstreams: {u: {preset: groq, proxy: "http://me:pw@proxy:3128"}}',
      (c) => c.upstreams.get('u')?.proxy,
      'http://me:pw@proxy:3128',
    ],
    [
      'models: {m: {targets: [{engine: smollm2-135m-instruct}], balance: least_busy}}',
      (c) => c.models.get('m')?.balance,
      'least_busy',
    ],
    [
      'models: {m: {targets: [{engine: smollm2-135m-instruct}], timeouts: {total: 1m}}}',
      (c) => c.models.get('m')?.timeouts,
      { totalMs: 60_000 },
    ],
    ['limits: {on_store_failure: share}', (c) => c.limits.onStoreFailure, 'share'],
    ['timeouts: {connect: 250ms}', (c) => c.timeouts.connectMs, 250],
    ['timeouts: {drain: 0s}', (c) => c.timeouts.drainMs, 0],
    ['retry: {backoff: 1s}', (c) => c.retry.backoffMs, 1000],
    ['stream: {keepalive: off}', (c) => c.stream.keepalive, 'off'],
    ['stream: {usage_chunk: separate}', (c) => c.stream.usageChunk, 'separate'],
    ['stream: {hold_head: 0s}', (c) => c.stream.holdHeadMs, 0],
    [
      'breaker: {failures: 1, window: 1m, probe_every: 1s}',
      (c) => c.breaker,
      { failures: 1, windowMs: 60_000, probeEveryMs: 1000 },
    ],
    [
      'logging: {level: debug, format: json, content: true, content_retention: 2d}',
      (c) => c.logging,
      { level: 'debug', format: 'json', content: true, contentRetentionMs: 2 * 86_400_000 },
    ],
    [
      'models: {m: {targets: [{engine: smollm2-135m-instruct}], logging: {content: false}}}',
      (c) => c.models.get('m')?.keepContent,
      false,
    ],
    [
      'telemetry: {traces: {endpoint: "http://c:4318", sample: 0.5, baggage: [tenant]}}',
      (c) => c.telemetry.traces,
      { endpoint: 'http://c:4318', sample: 0.5, headers: {}, baggage: ['tenant'] },
    ],
    ['telemetry: {metrics: auto}', (c) => c.telemetry.traces, undefined],
    ['server: {shed: {loop_delay: 1s}}', (c) => c.server.shed, { memory: 0.9, loopDelayMs: 1000 }],
    [
      'server: {shed: {memory: off, loop_delay: off}}',
      (c) => c.server.shed,
      { memory: 'off', loopDelayMs: 'off' },
    ],
    ['console: {enabled: false}', (c) => c.console, { enabled: false, faultLab: 'auto' }],
    ['console: {fault_lab: true}', (c) => c.console.faultLab, true],
    ['console: {fault_lab: "false"}', (c) => c.console.faultLab, false],
    ['telemetry: {metrics: public}', (c) => c.telemetry.metrics, 'public'],
    ['storage: {retention: 365d}', (c) => c.storage.retentionMs, 365 * 86_400_000],
    ['auth: {key_prefix: sk-live-}', (c) => c.auth.keyPrefix, 'sk-live-'],
    ['auth: {required: false}', (c) => c.auth.required, false],
    [
      'auth: {oidc: {issuer: "https://id.example.org", client_id: us, client_secret: hush, admins: [a@b.c, a@b.c]}}',
      (c) => c.auth.oidc,
      { issuer: 'https://id.example.org', clientId: 'us', clientSecret: 'hush', admins: ['a@b.c'] },
    ],
    ['auth: {api_keys: [a1, a1, b2]}', (c) => c.auth.apiKeys, ['a1', 'b2']],
    ['upstreams: {s: {preset: groq, api_key: a1}}', (c) => c.upstreams.get('s')?.apiKeys, ['a1']],
    ['upstreams: {s: {preset: groq, api_key: [a1]}}', (c) => c.upstreams.get('s')?.apiKeys, ['a1']],
    ['upstreams: {s: {preset: groq, api_key: [b2, a1]}}', (c) => c.upstreams.get('s')?.apiKeys, ['b2', 'a1']],
  ])('%s', async (yaml, pick, value) => {
    expect(pick(await valid(yaml))).toEqual(value);
  });
});

describe('a mistake is reported with its line, what was expected and the nearest name:', () => {
  it.each([
    ['server:\n  listne: x', 'tailrace.yaml:2: server.listne: unknown key "listne" (did you mean "listen"?)'],
    ['loging: {}', 'tailrace.yaml:1: loging: unknown key "loging" (did you mean "logging"?)'],
    [
      'telemetry: {colour: red}',
      'tailrace.yaml:1: telemetry.colour: unknown key "colour"; known here: metrics, traces',
    ],
    [
      'models:\n  m:\n    targets:\n      - engine: smollm2-135m-instruct\n        wieght: 2',
      'tailrace.yaml:5: models.m.targets[0].wieght: unknown key "wieght" (did you mean "weight"?)',
    ],
    [
      'engine: {models: {m: {file: model.gguf, defaults: {temprature: 0}}}}',
      'tailrace.yaml:1: engine.models.m.defaults.temprature: unknown key "temprature" (did you mean "temperature"?)',
    ],
    [
      'engine: {models: {m: {file: model.gguf, defaults: {temperature: 2.5}}}}',
      'tailrace.yaml:1: engine.models.m.defaults.temperature: expected a number from 0 to 2, got 2.5',
    ],
    [
      'server: {listen: 7245}',
      'tailrace.yaml:1: server.listen: expected an address and a port, such as 127.0.0.1:7245 or "[::1]:7245", got 7245',
    ],
    [
      'server: {workers: 1.5}',
      'tailrace.yaml:1: server.workers: expected a whole number from 1 to 256, got 1.5',
    ],
    [
      'server: {workers: .inf}',
      'tailrace.yaml:1: server.workers: expected a whole number from 1 to 256, got Infinity',
    ],
    [
      'server: {max_body: 10MB}',
      'tailrace.yaml:1: server.max_body: expected a size such as 64KiB or 1MiB (1B to 1GiB), got "10MB" (did you mean "10MiB"?)',
    ],
    ['server: [1]', 'tailrace.yaml:1: server: expected a mapping (key: value), got a list'],
    ['server: {cors_origins: "*"}', 'tailrace.yaml:1: server.cors_origins: expected a list, got "*"'],
    [
      'server: {cors_origins: ["https://a.example/"]}',
      'tailrace.yaml:1: server.cors_origins[0]: expected * or an origin such as https://app.example.org, got "https://a.example/"',
    ],
    [
      'server: {public_url: "https://me:pw@x"}',
      'tailrace.yaml:1: server.public_url: expected a URL that begins with http:// or https://, without user and password, got "https://***@x"',
    ],
    [
      'timeouts: {stall: 10}',
      'tailrace.yaml:1: timeouts.stall: expected a duration such as 250ms, 10s, 5m or 24h (1ms to 24d), got 10',
    ],
    [
      'timeouts: {total: 25d}',
      'tailrace.yaml:1: timeouts.total: expected a duration such as 250ms, 10s, 5m or 24h (1ms to 24d), got "25d"',
    ],
    [
      'stream: {keepalive: coment}',
      'tailrace.yaml:1: stream.keepalive: expected comment, chunk or off, got "coment" (did you mean "comment"?)',
    ],
    [
      'server: {shed: {memory: 0.9}}',
      'tailrace.yaml:1: server.shed.memory: expected a share such as 90% (1% to 100%), or off, got 0.9',
    ],
    [
      'server: {shed: {memory: 101%}}',
      'tailrace.yaml:1: server.shed.memory: expected a share such as 90% (1% to 100%), or off, got "101%"',
    ],
    [
      'server: {shed: {loop_delay: 0ms}}',
      'tailrace.yaml:1: server.shed.loop_delay: expected a duration such as 200ms (1ms to 24d), or off, got "0ms"',
    ],
    ['logging: {content: yes}', 'tailrace.yaml:1: logging.content: expected true or false, got "yes"'],
    [
      'auth: {key_prefix: "x"}',
      'tailrace.yaml:1: auth.key_prefix: expected 2 to 16 letters, digits, _ or -, the first a letter, got "x"',
    ],
    [
      'auth: {api_keys: ["with space"]}',
      'tailrace.yaml:1: auth.api_keys[0]: expected a key: at most 4096 printable characters without spaces and without "${", got *** (not shown)',
    ],
    [
      'auth: {api_keys: [12345678]}',
      'tailrace.yaml:1: auth.api_keys[0]: expected a key: at most 4096 printable characters without spaces and without "${", got *** (not shown)',
    ],
    [
      'auth: {admin_keys: ["$${NOT_FILLED_IN}"]}',
      'tailrace.yaml:1: auth.admin_keys[0]: expected a key: at most 4096 printable characters without spaces and without "${", got *** (not shown)',
    ],
    [
      'auth: {admin_keys: ["${NOPE:-$}{NOPE2}"]}',
      'tailrace.yaml:1: auth.admin_keys[0]: expected a key: at most 4096 printable characters without spaces and without "${", got *** (not shown)',
    ],
    [
      'auth: {admin_keys: ["${NOPE:-${NOPE2}}"]}',
      'tailrace.yaml:1: auth.admin_keys[0]: references do not nest: expected a plain text behind ${NOPE:-, got another reference; set the variable NOPE itself',
    ],
    [
      'usage: {webhook: {url: "https://h", secret: short-secret}}',
      'tailrace.yaml:1: usage.webhook.secret: expected a secret of 16 or more printable characters without spaces and without "${", or whsec_ and Base64 of 16 or more bytes, got *** (not shown)',
    ],
    [
      'usage: {webhook: {url: "https://h", secret: whsec_MfKQ9r8GKYqrTwjUPD8=}}',
      'tailrace.yaml:1: usage.webhook.secret: expected a secret of 16 or more printable characters without spaces and without "${", or whsec_ and Base64 of 16 or more bytes, got *** (not shown)',
    ],
    [
      'usage: {webhook: {url: "https://h"}}',
      'tailrace.yaml:1: usage.webhook.secret: expected a secret of 16 or more printable characters without spaces and without "${", or whsec_ and Base64 of 16 or more bytes, got nothing',
    ],
    [
      'auth: {api_keys: [same], admin_keys: [same]}',
      'tailrace.yaml:1: auth.admin_keys: the same key is under auth.api_keys; the two must differ',
    ],
    [
      'storage: {redis_url: "http://me:pw@x"}',
      'tailrace.yaml:1: storage.redis_url: expected a URL such as redis://host:6379 or rediss://host:6379, got *** (not shown)',
    ],
    [
      'storage: {redis_url: "redis://:pw@x:99999"}',
      'tailrace.yaml:1: storage.redis_url: expected a URL such as redis://host:6379 or rediss://host:6379, got *** (not shown)',
    ],
    [
      'storage: {spool: 1KiB}',
      'tailrace.yaml:1: storage.spool: expected a size such as 64KiB or 1MiB (1MiB to 1024GiB), got "1KiB"',
    ],
    [
      'upstreams: {lab: {kind: opanai}}',
      'tailrace.yaml:1: upstreams.lab.kind: expected openai, anthropic, gemini or scripted, got "opanai" (did you mean "openai"?)',
    ],
    [
      'upstreams: {lab: {kind: openai}}',
      'tailrace.yaml:1: upstreams.lab.base_url: kind openai needs a base_url (http://host:port/v1) or a preset',
    ],
    [
      'upstreams: {lab: {base_url: "ftp://x"}}',
      'tailrace.yaml:1: upstreams.lab.base_url: expected a URL that begins with http:// or https://, without user and password, got "ftp://x"',
    ],
    [
      'upstreams: {lab: {preset: vllm, headers: {"a b": c}}}',
      'tailrace.yaml:1: upstreams.lab.headers.a b: this is not the name of an HTTP header',
    ],
    [
      'upstreams: {engine: {preset: vllm}}',
      'tailrace.yaml:1: upstreams.engine: this name stands for the local engine; choose another',
    ],
    [
      'upstreams: {s: {kind: scripted}}',
      'tailrace.yaml:1: upstreams.s.script: kind scripted needs the file with its answers: script: ./answers.yaml',
    ],
    [
      'upstreams: {s: {kind: scripted, script: nowhere.yaml}}',
      'tailrace.yaml:1: upstreams.s.script: there is no regular file nowhere.yaml',
    ],
    [
      'upstreams: {s: {kind: scripted, script: answers.yaml, api_key: k}}',
      'tailrace.yaml:1: upstreams.s.api_key: kind scripted does not use api_key',
    ],
    [
      'upstreams: {s: {preset: toString, base_url: "http://h/v1"}}',
      `tailrace.yaml:1: upstreams.s.preset: expected ${presetNames.slice(0, -1).join(', ')} or ${presetNames.at(-1)}, got "toString"`,
    ],
    [
      'upstreams: {s: {kind: gemini, preset: vllm}}',
      'tailrace.yaml:1: upstreams.s.preset: kind gemini does not use preset',
    ],
    [
      'upstreams: {s: {preset: vllm, ca_file: none.pem}}',
      'tailrace.yaml:1: upstreams.s.ca_file: there is no regular file none.pem',
    ],
    ['[1, 2]', 'tailrace.yaml:1: expected a mapping (server: …, models: …), got a list'],
    ['just text', 'tailrace.yaml:1: expected a mapping (server: …, models: …), got "just text"'],
    [
      'server: {listen: "0.0.0.0:80"}',
      'tailrace.yaml:1: server.listen: on anything but loopback a key must be given: set TAILRACE_API_KEY, or auth.api_keys in the file',
    ],
    [
      'server: {listen: "0.0.0.0:80"}\nauth: {required: false, api_keys: [k]}',
      'tailrace.yaml:2: auth.required: false is for loopback only, and server.listen is not a loopback address',
    ],
    ...['http://id.example.org', 'https://me:x@id.example.org', 'https://id/?a=1', 'id.example.org'].map(
      (issuer): [string, string] => [
        `auth: {oidc: {issuer: "${issuer}", client_id: us, client_secret: hush, admins: [a@b.c]}}`,
        'tailrace.yaml:1: auth.oidc.issuer: expected the issuer of an OpenID Connect provider: a URL that begins with https:// (http:// on loopback only), without user, query and fragment, got ' +
          `"${issuer.replace('me:x@', '***@')}"`,
      ],
    ),
    [
      'auth: {oidc: {issuer: "http://[::1]:9/realm", client_id: us, client_secret: "two words", admins: [a@b.c]}}',
      'tailrace.yaml:1: auth.oidc.client_secret: expected a key: at most 4096 printable characters without spaces and without "${", got *** (not shown)',
    ],
    [
      'auth: {oidc: {issuer: "http://localhost:9", client_id: us, client_secret: hush, admins: []}}',
      'tailrace.yaml:1: auth.oidc.admins: expected the e-mail address of one person at least',
    ],
    [
      'auth: {oidc: {issuer: "http://localhost:9", client_id: us, client_secret: hush, admins: [ann]}}',
      'tailrace.yaml:1: auth.oidc.admins[0]: expected an e-mail address such as ann@example.org, got "ann"',
    ],
    [
      'server: {listen: "0.0.0.0:80"}\nauth: {api_keys: [0123456789abcdef], oidc: {issuer: "https://id", client_id: us, client_secret: hush, admins: [a@b.c]}}',
      'tailrace.yaml:2: auth.oidc: where server.listen is not a loopback address, server.public_url must say where the provider sends people back to',
    ],
    [
      'upstreams: {s: {preset: groq, api_key: []}}',
      'tailrace.yaml:1: upstreams.s.api_key: expected a key, or a list of 1 to 256 keys, got a list',
    ],
    [
      'upstreams: {s: {preset: groq, api_key: {a: b}}}',
      'tailrace.yaml:1: upstreams.s.api_key: expected a key: at most 4096 printable characters without spaces and without "${", got a mapping',
    ],
    [
      'upstreams:\n  s:\n    preset: groq\n    api_key:\n      - a1\n      - with space',
      'tailrace.yaml:6: upstreams.s.api_key[1]: expected a key: at most 4096 printable characters without spaces and without "${", got *** (not shown)',
    ],
    [
      'upstreams: {s: {preset: groq, api_key: [a1, b2, a1]}}',
      'tailrace.yaml:1: upstreams.s.api_key[2]: expected a key that does not stand before it in the list, got *** (not shown)',
    ],
    [
      'upstreams: {s: {preset: groq, api_key: [a1, "${KEY:-}"]}}',
      'tailrace.yaml:1: upstreams.s.api_key[1]: must not be empty: the environment variable KEY is empty or not set',
    ],
    [
      'upstreams: {s: {preset: groq, api_key: ""}}',
      'tailrace.yaml:1: upstreams.s.api_key: must not be empty',
    ],
    [
      'upstreams: {s: {preset: groq, api_key: "${KEY:-}"}}',
      'tailrace.yaml:1: upstreams.s.api_key: must not be empty: the environment variable KEY is empty or not set',
    ],
    [
      'auth: {api_keys: ["${KEY}"]}',
      'tailrace.yaml:1: auth.api_keys[0]: the environment variable KEY is not set; set it, or give a default: ${KEY:-default}',
    ],
    [
      'timeouts: {total: "${KEY:-soon}"}',
      'tailrace.yaml:1: timeouts.total: expected a duration such as 250ms, 10s, 5m or 24h (1ms to 24d), got "soon"',
    ],
    [
      'timeouts: {stall: 1.5s}',
      'tailrace.yaml:1: timeouts.stall: expected a duration such as 250ms, 10s, 5m or 24h (1ms to 24d), got "1.5s" (a whole number: 1500ms)',
    ],
    [
      'server: {max_body: 1.5MiB}',
      'tailrace.yaml:1: server.max_body: expected a size such as 64KiB or 1MiB (1B to 1GiB), got "1.5MiB" (a whole number: 1536KiB)',
    ],
    [
      'engine: no',
      'tailrace.yaml:1: engine: expected a mapping (key: value), got "no" (to switch it off: engine: {enabled: false})',
    ],
    ['timeouts: no', 'tailrace.yaml:1: timeouts: expected a mapping (key: value), got "no"'],
    [
      'models: {acme chat: {targets: [{engine: smollm2-135m-instruct}]}}',
      'tailrace.yaml:1: models.acme chat: expected a model id (letters, digits and . _ : @ + - in segments separated by /), got "acme chat"',
    ],
  ])('%s', async (yaml, message) => {
    expect(await problems(yaml)).toEqual([message]);
  });

  it('what stands under a wrong name, and beside a wrong value that must be there, in the same list', async () => {
    const yaml = `
usage: {webhook: {url: "https://h", secret: short}}
upstreams:
  my lab: {kind: openai}
models:
  acme chat:
    targets: [{upstream: labb}]
    fallbacks: [nothing]
  chat: {targets: [{upstream: "my lab"}, {upstream: other}]}
`;
    expect(await problems(yaml)).toEqual([
      expect.stringContaining('tailrace.yaml:2: usage.webhook.secret: expected a secret of 16 or more'),
      expect.stringContaining('tailrace.yaml:4: upstreams.my lab: expected a name'),
      expect.stringContaining('tailrace.yaml:4: upstreams.my lab.base_url: kind openai needs'),
      expect.stringContaining('tailrace.yaml:6: models.acme chat: expected a model id'),
      expect.stringContaining('tailrace.yaml:7: models.acme chat.targets[0].upstream: expected the name of'),
      expect.stringContaining('tailrace.yaml:8: models.acme chat.fallbacks[0]: expected the id or alias'),
      expect.stringContaining('tailrace.yaml:9: models.chat.targets[1].upstream: expected the name of'),
    ]);
  });

  it('all mistakes at once, in the order of the file, without those that follow from another', async () => {
    const yaml = `
server: {listen: nonsense, wrokers: 2}
upstreams:
  lab: text
models:
  a:
    targets:
      - {upstream: lab}
      - {upstream: labb}
    fallbacks: [c]
  b: {targets: 5}
  c: [x]
`;
    expect(await problems(yaml)).toEqual([
      expect.stringContaining('tailrace.yaml:2: server.listen: expected an address'),
      'tailrace.yaml:2: server.wrokers: unknown key "wrokers" (did you mean "workers"?)',
      'tailrace.yaml:4: upstreams.lab: expected a mapping (key: value), got "text"',
      'tailrace.yaml:9: models.a.targets[1].upstream: expected the name of an upstream, got "labb" (did you mean "lab"?)',
      'tailrace.yaml:11: models.b.targets: expected a list, got 5',
      'tailrace.yaml:12: models.c: expected a mapping (key: value), got a list',
    ]);
  });

  it('a section whose text methods are hidden is refused as any other', async () => {
    expect(await problems('engine: [{toString: 5}]')).toEqual([
      'tailrace.yaml:1: engine: expected a mapping (key: value), got a list',
    ]);
    expect(await problems('server: {listen: {toString: 5}}')).toHaveLength(1);
    expect(
      await problems('logging: {level: {toString: 5}}\nusage: {webhook: {url: {toString: 5}}}'),
    ).toHaveLength(3);
  });

  it('no second mistake for a reference to a refused entry', async () => {
    expect(
      await problems('upstreams: {lab: {kind: 5}}\nmodels: {m: {targets: [{upstream: lab}]}}'),
    ).toHaveLength(1);
  });

  it.each(['', '/', '?sslmode=require', '/?host=/run'])(
    'a URL of PostgreSQL without a database is refused: …%s',
    async (end) => {
      expect(await problems(`storage: {database_url: "postgres://me@db:5432${end}"}`)).toEqual([
        expect.stringContaining('and names a database, such as postgres://user:password@host:5432/tailrace'),
      ]);
      expect(await problems(`storage: {database_url: "postgres:///usage?host=/run"}`)).toEqual([]);
    },
  );

  it('never the text of a secret', async () => {
    const secret = 'sk-0123456789abcdefghij';
    const yaml = `
auth: {api_keys: "${secret}", key_prefix: "${secret}"}
upstreams:
  a: {kind: "${secret}", api_key: "${secret} x", headers: {authorization: ["${secret}"]}, base_url: "http://u:${secret}@h"}
storage: {database_url: "mysql://u:${secret}@h", redis_url: "${secret}"}
server: {public_url: "ftp://u:${secret}@h"}
${secret}: 1
`;
    const found = await problems(yaml);
    expect(found.length).toBeGreaterThan(7);
    expect(found.slice(0, -1).join('\n')).not.toContain(secret);
  });
});

describe('a configuration that is read again', () => {
  const models = 'upstreams: {s: {preset: vllm}}\nmodels: {a: {targets: [{upstream: s}]}}';

  it.each(['', '# nothing yet\n', '---\n', '{}'])(
    'is refused where the file sets nothing any more: %j',
    async (yaml) => {
      expect(await problems(yaml, { reload: { fileHasContent: true } })).toEqual([
        'tailrace.yaml: it is empty; a reload does not replace a configuration by an empty file',
      ]);
      expect(await problems(yaml, { reload: { fileHasContent: false } })).toEqual([]);
    },
  );

  it('reports whether the file sets anything', async () => {
    expect(await load(models)).toMatchObject({ ok: true, fileHasContent: true });
    expect(await load('')).toMatchObject({ ok: true, fileHasContent: false });
    expect(await load(undefined)).toMatchObject({ ok: true, fileHasContent: false });
  });

  it('can be a pipe only at the start; its relative paths begin at the working directory', async () => {
    const files: ConfigFiles = {
      ...memoryFiles(folder, {}),
      read: async (_, reload) =>
        reload
          ? { ok: false, reason: 'irregular', message: 'it is no file but a pipe' }
          : { ok: true, text: 'server: {data_dir: ./here}', again: false },
    };
    const piped = { files, flags: { config: '/dev/fd/63' } };
    expect((await valid(undefined, piped)).server.dataDir).toBe(`${folder}/here`);
    expect(await problems(undefined, { ...piped, reload: { fileHasContent: true } })).toEqual([
      '--config: cannot read /dev/fd/63: it is no file but a pipe',
    ]);
  });
});

describe('what is valid and most likely a mistake is a warning', () => {
  const warnings = async (yaml: string, env: Record<string, string> = {}) => {
    const loaded = await load(yaml, { env });
    return loaded.ok ? loaded.warnings : loaded.problems;
  };

  it('a key that can be guessed, where other machines reach the server', async () => {
    const message = (setting: string) =>
      `${setting}: a key of fewer than 16 characters can be guessed, and other machines reach server.listen`;
    const open = 'server: {listen: "0.0.0.0:7245"}';
    expect(await warnings(open, { TAILRACE_API_KEY: 'a' })).toEqual([
      message('auth.api_keys (TAILRACE_API_KEY)'),
    ]);
    const sixteen = '0123456789abcdef';
    expect(await warnings(open, { TAILRACE_API_KEY: sixteen, TAILRACE_ADMIN_KEY: 'root' })).toEqual([
      message('auth.admin_keys (TAILRACE_ADMIN_KEY)'),
    ]);
    expect(await warnings(open, { TAILRACE_API_KEY: sixteen })).toEqual([]);
    expect(await warnings('', { TAILRACE_API_KEY: 'a' })).toEqual([]);
  });

  it.each(['console: {enabled: false}', 'auth.required'])(
    'a provider by which nobody can sign in: %s',
    async (off) => {
      const oidc = 'oidc: {issuer: "https://id", client_id: us, client_secret: hush, admins: [a@b.c]}';
      const yaml = off === 'auth.required' ? `auth: {required: false, ${oidc}}` : `${off}\nauth: {${oidc}}`;
      const what = off === 'auth.required' ? off : 'console.enabled';
      expect(await warnings(yaml)).toContain(`auth.oidc has no effect, because ${what} is false`);
    },
  );

  it('a server without any model', async () => {
    expect(await warnings('engine: {enabled: false}')).toEqual([
      'no model is configured, and the engine has none: every completion will be answered with 404 model_not_found',
    ]);
  });
});

describe('flags, environment, file', () => {
  it('flags have precedence over the environment, and the environment over the file', async () => {
    const yaml = 'server: {listen: "127.0.0.1:1", data_dir: ./f, workers: 2}\nlogging: {level: error}';
    const env = { TAILRACE_LISTEN: '127.0.0.1:2', TAILRACE_DATA_DIR: './e', TAILRACE_LOG_LEVEL: 'debug' };
    const flags = { listen: '127.0.0.1:3' };
    const config = await valid(yaml, { env, flags, cwd: folder });
    expect(config.server).toMatchObject({ listen: { port: 3 }, dataDir: '/etc/tailrace/e', workers: 2 });
    expect(config.logging.level).toBe('debug');
  });

  it.each<readonly [string, string, (config: Config) => unknown, unknown]>([
    ['TAILRACE_LISTEN', '[::1]:1', (c) => c.server.listen.host, '::1'],
    ['TAILRACE_DATA_DIR', 'd', (c) => c.server.dataDir, '/work-dir/d'],
    ['TAILRACE_CACHE_DIR', 'c', (c) => c.server.cacheDir, '/work-dir/c'],
    ['TAILRACE_API_KEY', 'k', (c) => c.auth.apiKeys, ['k']],
    ['TAILRACE_ADMIN_KEY', 'k', (c) => c.auth.adminKeys, ['k']],
    ['TAILRACE_DATABASE_URL', 'postgres://h/d', (c) => c.storage.databaseUrl, 'postgres://h/d'],
    ['TAILRACE_REDIS_URL', 'redis://h', (c) => c.storage.redisUrl, 'redis://h'],
    ['TAILRACE_LOG_LEVEL', 'warn', (c) => c.logging.level, 'warn'],
  ])('%s', async (name, value, pick, expectedValue) => {
    expect(pick(await valid(undefined, { env: { [name]: value }, cwd: '/work-dir' }))).toEqual(expectedValue);
  });

  it('an empty variable counts as not set', async () => {
    const names = [
      'CONFIG',
      'LISTEN',
      'DATA_DIR',
      'CACHE_DIR',
      'API_KEY',
      'ADMIN_KEY',
      'DATABASE_URL',
      'REDIS_URL',
      'LOG_LEVEL',
    ];
    const env = Object.fromEntries(names.map((name) => [`TAILRACE_${name}`, '']));
    expect(await valid(undefined, { env })).toEqual(await valid(undefined));
  });

  it.each<readonly [Partial<ConfigSources>, string]>([
    [{ env: { TAILRACE_LISTEN: '0.0.0.0' } }, 'TAILRACE_LISTEN: server.listen: expected an address'],
    [
      { env: { TAILRACE_LOG_LEVEL: 'inof' } },
      'TAILRACE_LOG_LEVEL: logging.level: expected debug, info, warn or error, got "inof" (did you mean "info"?)',
    ],
    [{ env: { TAILRACE_API_KEY: 'a b' } }, 'TAILRACE_API_KEY: auth.api_keys[0]: expected a key'],
    [
      { env: { TAILRACE_CONFIG: 'nowhere.yaml' } },
      'TAILRACE_CONFIG: cannot read nowhere.yaml: there is no such file',
    ],
    [{ flags: { config: 'nowhere.yaml' } }, '--config: cannot read nowhere.yaml: there is no such file'],
    [{ flags: { listen: ':80' } }, '--listen: server.listen: expected an address'],
    [
      { flags: { workers: 'many' } },
      '--workers: server.workers: expected a whole number from 1 to 256, got "many"',
    ],
    [{ flags: { model: 'nowhere.gguf' } }, '--model: there is no regular file nowhere.gguf'],
    [
      { flags: { model: 'model.gguf', noEngine: true } },
      '--model: needs the engine that --no-engine switches off',
    ],
    [{ flags: { listen: '0.0.0.0:80' } }, '--listen: server.listen: on anything but loopback'],
  ])('%j: the message names where it was given', async (given, message) => {
    expect(await problems(undefined, given)).toEqual([expect.stringContaining(message)]);
  });

  it('a server with a configured key may listen on every address, one with a generated key may not', async () => {
    const flags = { listen: '0.0.0.0:80' };
    expect(await problems(undefined, { flags, env: { TAILRACE_API_KEY: 'tr_key' } })).toEqual([]);
    expect(await problems('auth: {api_keys: [tr_key]}', { flags })).toEqual([]);
    expect(await problems(undefined, { flags, env: { TAILRACE_ADMIN_KEY: 'tr_key' } })).toHaveLength(1);
  });

  it('warns where no key is asked for, because the administration asks for none either', async () => {
    const loaded = await load('auth: {required: false}');
    expect(loaded.ok && loaded.warnings).toEqual([
      'auth.required is false: every program on this machine can use every model and the whole administration without a key',
    ]);
  });

  it('warns where the environment replaces keys of the file', async () => {
    const loaded = await load('auth: {api_keys: [one]}', { env: { TAILRACE_API_KEY: 'two' } });
    expect(loaded.ok && loaded.config.auth.apiKeys).toEqual(['two']);
    expect(loaded.ok && loaded.warnings).toEqual([
      'TAILRACE_API_KEY takes the place of auth.api_keys in the file; the keys there are not valid',
    ]);
  });

  it.each([
    [{ platform: 'linux', homeDir: '/home/me' } as const, { XDG_CACHE_HOME: '/big' }, '/big/tailrace'],
    [
      { platform: 'linux', homeDir: '/home/me' } as const,
      { XDG_CACHE_HOME: 'relative' },
      '/home/me/.cache/tailrace',
    ],
    [
      { platform: 'darwin', homeDir: '/Users/me' } as const,
      { XDG_CACHE_HOME: '/big' },
      '/Users/me/Library/Caches/tailrace',
    ],
    [{ platform: 'win32', homeDir: '/Users/me' } as const, { LOCALAPPDATA: '/local' }, '/local/tailrace'],
  ])('%j keeps its cache where its platform does', async (where, env, cacheDir) => {
    expect((await valid(undefined, { machine: where, env })).server.cacheDir).toBe(cacheDir);
  });
});

it('returns a configuration or problems for any data, and never throws', async () => {
  const word = fc.constantFrom(
    'server',
    'engine',
    'upstreams',
    'models',
    'limits',
    'timeouts',
    'auth',
    'targets',
    'aliases',
    'fallbacks',
    'default',
    'listen',
    'api_keys',
    'engine',
    'upstream',
    'file',
    'enabled',
    'm',
    'n',
    'lab',
    'kind',
    'scripted',
    'constructor',
    'toString',
    'smollm2-135m-instruct',
    '10s',
    '1MiB',
    '0.0.0.0:1',
    '',
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(word, fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(word, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(tree, async (data) => {
      // JSON is YAML, except for numbers that JSON cannot represent.
      const loaded = await load(JSON.stringify(data));
      expect(loaded.ok || loaded.problems.length > 0).toBe(true);
    }),
    { numRuns: 500 },
  );
});
