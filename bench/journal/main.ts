/*
 * What the journal in Redis adds to an event, beside the one in memory: `node --conditions=tailrace-source bench/journal/main.ts
 * redis://…` (TAILRACE_TEST_REDIS of `tools/services.ts`). Events come from another process over one socket a stream, as those of
 * upstreams do. It prints one line for each journal and load: latency from `event()` to the follower's call, CPU of this
 * process an event, script calls an event.
 */
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Journal, JournalLimits } from '../../packages/server/src/journal/contract.ts';
import { createMemoryJournal } from '../../packages/server/src/journal/memory/memory-journal.ts';
import { openRedisJournal } from '../../packages/server/src/journal/redis/redis-journal.ts';
import { connectToRedis } from '../../packages/server/src/redis/redis-connection.ts';
import { timers } from '../../packages/server/src/timers/timer-queue.ts';

const [url = '', seconds = '8'] = process.argv.slice(2);
const limits: JournalLimits = {
  retentionMs: 5_000,
  perStreamBytes: 16 * 1024 ** 2,
  totalBytes: 256 * 1024 ** 2,
};
const connection = connectToRedis({
  url,
  scripts: [],
  reconnectMs: () => 500,
  onError: (error) => console.log(error.message),
});
await connection.tried();

for (const [streams, rate] of [
  [300, 50],
  [30, 50],
  [1, 500],
] as const) {
  for (const [name, open] of [
    ['memory', () => Promise.resolve(createMemoryJournal({ limits: () => limits, timers }))],
    [
      'redis',
      () =>
        openRedisJournal({
          url,
          limits: () => limits,
          timers,
          processId: randomUUID(),
          errorPayload: () => '',
        }),
    ],
  ] as const) {
    const journal = await open();
    await measure(name, journal, streams, rate);
    await journal.close();
  }
}
connection.close();

async function measure(name: string, journal: Journal, streams: number, rate: number): Promise<void> {
  const latencies: number[] = [];
  let measuring = false;
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    void serve(socket);
  });
  async function serve(socket: Socket): Promise<void> {
    const id = `chatcmpl-${randomUUID()}`;
    const begun = await journal.begin({
      id,
      requestId: 'r',
      keyId: 'k',
      surface: 'chat',
      model: 'm',
      stream: true,
      createdAtMs: 0,
    });
    if (begun.type !== 'begun') throw new Error(begun.type);
    const { writer } = begun;
    const written: number[] = [];
    let at = 0;
    writer.view.follow({
      own: true,
      more() {
        const nowMs = performance.now();
        for (; at < writer.view.last; at += 1) {
          writer.view.event(at + 1);
          const writtenMs = written.shift();
          if (measuring && writtenMs !== undefined) latencies.push(nowMs - writtenMs);
        }
      },
    });
    writer.own({ readersCame() {}, readersLeft() {}, lost: () => console.log('lost'), fenced() {} });
    writer.begin({});
    socket.on('data', (bytes) => {
      for (const payload of bytes.toString('latin1').split('\n').slice(0, -1)) {
        written.push(performance.now());
        writer.event(payload);
      }
    });
    socket.on('end', () => writer.end({ type: 'whole', payload: '[DONE]' }));
    socket.on('error', () => undefined);
    socket.write('go');
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const sender = fork(fileURLToPath(new URL('sender.ts', import.meta.url)), [
    String(port),
    String(streams),
    String(rate),
  ]);
  await sleep(3_000);
  const calls = await scriptCalls();
  const cpu = process.cpuUsage();
  measuring = true;
  await sleep(Number(seconds) * 1_000);
  measuring = false;
  const { user, system } = process.cpuUsage(cpu);
  const more = (await scriptCalls()) - calls;
  const events = latencies.length;
  latencies.sort((a, b) => a - b);
  const at = (part: number) => (latencies[Math.floor(part * events)] ?? 0).toFixed(2);
  console.log(
    `${name.padEnd(6)} ${streams} × ${rate}/s: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ` +
      `CPU ${((user + system) / events).toFixed(1)} µs an event, ${(more / events).toFixed(3)} calls an event, ${events} events`,
  );
  sender.kill();
  await sleep(300);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}

async function scriptCalls(): Promise<number> {
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(await connection.client.info('commandstats'))?.[1] ?? 0);
}
