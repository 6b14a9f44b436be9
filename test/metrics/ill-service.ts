import { renameSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createWall } from '../../packages/server/src/wall/wall.ts';
import { childrenOf } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { type Recording, record } from './recording.ts';

/** A part of a recording: what happens to the service, and which alerts fire at its end. */
export interface Phase {
  readonly name: string;
  readonly firing: readonly string[];
  /** The number of scrapes until its end, from the beginning of the recording. */
  readonly endsAfter: number;
}

export interface RecordedService {
  readonly recording: Recording;
  readonly phases: readonly Phase[];
}

const streamsLimit = 12;
const filesLimit = 512;

/** A real server over the fault wall, with an engine: healthy, then ill in one way after the other, and recorded all the time. */
export async function recordIllService(): Promise<RecordedService> {
  const wall = createWall();
  const wallPort = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
  const scratch = createScratch('ill-service');
  const server = await startServer({
    model: 'random',
    dataDir: scratch.path,
    config: serviceConfig(wallPort),
    files: { 'answers.yaml': longAnswers },
    under: ['/bin/sh', '-c', `ulimit -n ${filesLimit}; exec "$@"`, 'sh'],
  });
  try {
    const recording = record(server.baseUrl);
    const phases = await play(server, recording, scratch.path);
    return { recording, phases };
  } finally {
    await server.kill();
    await server.stop();
    await wall.close();
    scratch.remove();
  }
}

function serviceConfig(wallPort: number): ConfigTree {
  const upstream = { kind: 'openai', base_url: `http://127.0.0.1:${wallPort}/v1`, api_key: 'wall' };
  const healthy = { upstream: 'spare', model: 'wall/healthy', priority: 1, takeover: 'replay' };
  return {
    server: { max_streams: streamsLimit, shed: { loop_delay: 'off', memory: '99%' } },
    upstreams: { wall: upstream, spare: upstream, script: { kind: 'scripted', script: './answers.yaml' } },
    models: {
      good: { targets: [{ upstream: 'spare', model: 'wall/healthy' }], price: { input: 1, output: 10 } },
      refusing: { targets: [{ upstream: 'wall', model: 'wall/reset' }] },
      cutting: { targets: [{ upstream: 'wall', model: 'wall/cut-fin', takeover: 'none' }] },
      rescued: { targets: [{ upstream: 'wall', model: 'wall/cut-rst', takeover: 'replay' }, healthy] },
      hedged: {
        targets: [{ upstream: 'wall', model: 'wall/slow-first-token' }, healthy],
        timeouts: { hedge_after: '5ms' },
      },
      silent: { targets: [{ upstream: 'wall', model: 'wall/hang' }] },
      long: { targets: [{ upstream: 'script', model: 'long' }] },
    },
    retry: { per_target: 1, backoff: '1ms' },
    breaker: { failures: 3, probe_every: '20ms' },
    stream: { journal: { per_stream: '64KiB', total: '1MiB' } },
  };
}

const longAnswers: ConfigTree = {
  answers: [
    { when: { model: 'long' }, steps: [{ repeat: { times: 200, steps: [{ text: ['x'.repeat(1_000)] }] } }] },
  ],
};

async function play(server: TestServer, recording: Recording, dataDir: string): Promise<readonly Phase[]> {
  const phases: Phase[] = [];
  async function phase(
    name: string,
    minutes: number,
    firing: readonly string[],
    work: () => Promise<unknown>,
  ) {
    for (let minute = 0; minute < minutes; minute += 1) {
      await work();
      await recording.scrape();
    }
    phases.push({ name, firing, endsAfter: recording.scrapes });
  }
  const ask = asker(server);

  await phase('all is well', 8, [], () =>
    Promise.all([ask('good'), ask('good'), askTwice(server, ask), ask('random', {}, { max_tokens: 3 })]),
  );

  const failing = ['TailraceRequestsFail', 'TailraceTargetDown', 'TailraceTargetFails'];
  await phase('upstreams fail', 13, failing, () =>
    Promise.all(['good', 'good', 'refusing', 'cutting', 'rescued', 'hedged'].map((model) => ask(model))),
  );

  const limited = await makeKey(server, { requests_per_minute: 1 });
  const poor = await makeKey(server, { budget: { tokens: 1, period: 'total' } });
  // They count the last quarter of an hour, so they fire for a while after it.
  const limits = ['TailraceBudgetSpent', 'TailraceRateLimited'];
  // Nobody asks the targets that have failed, so their breakers stay open.
  await phase('clients meet their limits', 20, [...limits, 'TailraceTargetDown'], () =>
    Promise.all([ask('good'), ask('good', limited), ask('good', limited), ask('good', poor)]),
  );

  // It is longer than what the journal keeps of one stream.
  await ask('long', resumable);
  const release = await fill(server, ask);
  await crashEngine(server, recording);
  const crashed = ['TailraceEngineCrashed', 'TailraceStreamsEvicted'];
  const full = [
    'TailraceFilesNearLimit',
    'TailraceStreamsNearLimit',
    'TailraceOverloaded',
    'TailraceRequestsFail',
  ];
  await phase(
    'the engine has crashed, the journal has dropped events, and places and files have run out',
    9,
    [...crashed, ...full, ...limits, 'TailraceTargetDown'],
    () => Promise.all(Array.from({ length: streamsLimit }, () => ask('good'))),
  );
  release();

  renameSync(`${dataDir}/tailrace.sqlite`, `${dataDir}/elsewhere`);
  await until('the server to miss its database', 20_000, async () => {
    await ask('good');
    return /^tailrace_storage_up 0$/m.test(await textOf(server)) || undefined;
  });
  await phase(
    'the database is gone',
    4,
    [...crashed, ...limits, 'TailraceRequestsFail', 'TailraceStoreAway', 'TailraceTargetDown'],
    () => ask('good'),
  );

  await server.kill();
  await phase('the server is down', 6, ['TailraceDown'], async () => {});
  return phases;
}

type Ask = (
  model: string,
  headers?: Readonly<Record<string, string>>,
  fields?: object,
  signal?: AbortSignal,
) => Promise<Response | undefined>;

const resumable = { 'tailrace-resumable': 'true' };

/** Resolves when the answer is over, however it ends. */
function asker({ baseUrl, apiKey }: TestServer): Ask {
  return async (model, headers = {}, fields = {}, signal) => {
    const answer = await fetch(`${baseUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({
        ...{ model, stream: true, temperature: 0 },
        messages: [{ role: 'user', content: 'Tell me about the mill.' }],
        ...fields,
      }),
      ...(signal === undefined ? {} : { signal }),
    }).catch(() => undefined);
    await answer?.text().catch(() => {});
    return answer;
  };
}

/** A stream that is kept, and is read again. */
async function askTwice({ baseUrl, apiKey }: TestServer, ask: Ask): Promise<void> {
  const id = (await ask('good', resumable))?.headers.get('tailrace-completion-id');
  const again = await fetch(`${baseUrl}/v1/chat/completions/${id}/events`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  await again.text();
}

async function makeKey(
  { baseUrl, adminKey }: TestServer,
  limits: object,
): Promise<Readonly<Record<string, string>>> {
  const answer = await fetch(`${baseUrl}/admin/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ owner: 'acme', ...limits }),
  });
  const { key } = (await answer.json()) as { key: string };
  return { authorization: `Bearer ${key}` };
}

/** Takes all places for streams, and most of the files; the result gives them back. */
async function fill(server: TestServer, ask: Ask): Promise<() => void> {
  const leaving = new AbortController();
  for (let stream = 0; stream < streamsLimit; stream += 1) void ask('silent', {}, {}, leaving.signal);
  const sockets = await Promise.all(
    Array.from({ length: Math.floor(filesLimit * 0.82) }, () => connected(server.port)),
  );
  await until(
    'the streams to run',
    20_000,
    async () => (await textOf(server)).includes(`\ntailrace_streams_live ${streamsLimit}\n`) || undefined,
  );
  return () => {
    leaving.abort();
    for (const socket of sockets) socket.destroy();
  };
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });
}

/** Kills the process of the engine, and waits until the next one is ready. */
async function crashEngine(server: TestServer, recording: Recording): Promise<void> {
  const starts = (text: string) => Number(/^tailrace_engine_starts_total (\d+)$/m.exec(text)?.[1]);
  const before = starts(recording.lastText);
  for (const child of childrenOf(server.pid)) process.kill(child, 'SIGKILL');
  await until('the engine to start again', 20_000, async () => {
    const text = await textOf(server);
    return (starts(text) > before && /^tailrace_engine_up 1$/m.test(text)) || undefined;
  });
}

async function textOf({ baseUrl }: TestServer): Promise<string> {
  return await (await fetch(`${baseUrl}/metrics`)).text();
}
