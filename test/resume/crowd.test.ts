// A thousand readers of one resumable stream.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Child, startChild } from '../support/child.ts';
import { untilLive, untilNoneLive } from '../support/live-streams.ts';
import { mainThreadCpuMs, residentBytes, watchPeak } from '../support/processes.ts';
import { requestBytes } from '../support/raw-connection.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { createMemoryProbe, type MemoryProbe } from '../support/server-memory.ts';
import { type Crowd, startCreepingReader, startCrowd } from './crowd-readers.ts';
import { createLabClient, dropAfter } from './lab-client.ts';

const readers = 1_000;
const mebibyte = 1024 ** 2;

/** 300 events of two kilobytes, 25 a second: a reader of one byte a second falls behind what the kernel holds for it. */
const crowdEvents = 300;
const crowdSteps = [
  { repeat: { times: crowdEvents, steps: [{ text: ['x'.repeat(2_000)] }, { wait: '40ms' }] } },
  { finish: 'stop' },
];
const scripts = { crowd: [{ wait: '1500ms' }, ...crowdSteps], silent: [{ text: ['a'] }, { hang: true }] };

let server: TestServer;
let probe: MemoryProbe;
beforeAll(async () => {
  probe = createMemoryProbe();
  server = await startServer({
    model: 'none',
    files: {
      'answers.yaml': {
        answers: Object.entries(scripts).map(([model, steps]) => ({ when: { model }, steps })),
      },
    },
    config: {
      upstreams: { lab: { kind: 'scripted', script: './answers.yaml' } },
      models: Object.fromEntries(
        Object.keys(scripts).map((name) => [`lab/${name}`, { targets: [{ upstream: 'lab', model: name }] }]),
      ),
      stream: { grace: '2s' },
    },
    env: probe.env,
  });
});
afterAll(async () => {
  await server?.stop();
  probe?.close();
});

const eventsRequest = (id: string) =>
  requestBytes({
    path: `/v1/chat/completions/${id}/events`,
    headers: { Authorization: `Bearer ${server.apiKey}`, Connection: 'close' },
  });
const report = (figures: object) => process.stdout.write(`\n${JSON.stringify(figures)}\n`);

/** Begins a stream, whose own client leaves at the first event. */
async function beginStream(model: string): Promise<string> {
  void createLabClient(server, model).post({}, dropAfter(300));
  const [live] = await untilLive(server, 1);
  return live?.id ?? '';
}

describe.runIf(process.platform === 'linux')('a crowd', () => {
  test('costs little more memory than as many answers of node:http that are held open', {
    timeout: 300_000,
  }, async () => {
    const bareProbe = createMemoryProbe();
    const bare = startBareServer(bareProbe.env);
    try {
      const [line] = (await once(bare.process.stdout ?? bare.process, 'data')) as [string];
      const id = await beginStream('silent');
      const follower = await memoryOf(probe, server.pid, server.port, eventsRequest(id));
      const held = await memoryOf(bareProbe, bare.pid, Number(line), eventsRequest(id));
      const more = follower.heldBytes - held.heldBytes;
      report({ readers, follower, bare: held, more });
      expect(more).toBeLessThan(5_000);
    } finally {
      await bare.end('SIGKILL', 0);
      bareProbe.close();
      await untilNoneLive(server, 10_000);
    }
  });

  test('has the same bytes, and a reader of one byte a second costs neither the others nor memory', {
    timeout: 300_000,
  }, async () => {
    const without = await deliver(false);
    const beside = await deliver(true);
    report({ readers, without: without.figures, beside: beside.figures });
    expect(new Set([...without.bodies, ...beside.bodies])).toHaveLength(2);
    // A queue for each reader would be 600 MB.
    expect(beside.figures.peakMiB).toBeLessThan(250);
  });
});

function startBareServer(env: Readonly<Record<string, string>>): Child {
  const file = fileURLToPath(new URL('bare-server.ts', import.meta.url));
  return startChild(process.execPath, [file], { env: { ...process.env, ...env } });
}

/** Bytes that a reader takes of the server's memory. */
async function memoryOf(of: MemoryProbe, pid: number, port: number, request: Buffer) {
  // What is made at the first use is there before.
  const first = startCrowd(50, port, request);
  await first.begun;
  first.close();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = { held: await of.held(), resident: residentBytes(pid) };
  const crowd = startCrowd(readers, port, request);
  try {
    await crowd.begun;
    const heldBytes = ((await of.held()).heldBytes - before.held.heldBytes) / readers;
    return {
      heldBytes: Math.round(heldBytes),
      residentBytes: Math.round((residentBytes(pid) - before.resident) / readers),
    };
  } finally {
    crowd.close();
  }
}

/** Lets all readers follow one stream from its beginning to its end. */
async function deliver(creeping: boolean) {
  const peak = watchPeak(server.pid);
  const id = await beginStream('crowd');
  const crowd: Crowd = startCrowd(readers, server.port, eventsRequest(id));
  const leave = creeping ? startCreepingReader(server.port, eventsRequest(id)) : () => {};
  try {
    await crowd.begun;
    const cpuMs = mainThreadCpuMs(server.pid);
    const beganMs = performance.now();
    const whole = await crowd.whole;
    const seconds = (performance.now() - beganMs) / 1_000;
    const usedMs = mainThreadCpuMs(server.pid) - cpuMs;
    const gaps = whole.flatMap((reader) => [...reader.gaps]).toSorted((a, b) => a - b);
    const at = (share: number) => Math.round((gaps[Math.floor(gaps.length * share)] ?? 0) * 10) / 10;
    const deliveries = readers * crowdEvents;
    // One event is one read, unless the client is late.
    const figures = {
      ...{ seconds: Math.round(seconds * 10) / 10, deliveriesPerSecond: Math.round(deliveries / seconds) },
      deliveriesPerCpuSecond: Math.round(deliveries / (usedMs / 1_000)),
      gapMs: { p50: at(0.5), p99: at(0.99), worst: at(0.99999) },
      reads: whole.reduce((sum, { reads }) => sum + reads, 0),
      peakMiB: Math.round(peak() / mebibyte),
    };
    return { figures, bodies: whole.map(({ checksum }) => checksum) };
  } finally {
    leave();
    crowd.close();
    await untilNoneLive(server, 10_000);
  }
}
