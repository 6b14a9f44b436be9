import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { eachBatch } from '../../packages/server/src/domain/batches.ts';
import type { ChatRequest } from '../../packages/server/src/domain/chat-request.ts';
import { fakeChatRequest } from '../../packages/server/src/domain/fake-chat-request.ts';
import { createEngine, type Engine } from '../../packages/server/src/engine/parent/engine.ts';
import type { Log } from '../../packages/server/src/telemetry/log.ts';

/**
 * Many requests of every kind on one engine, then kills of its process under load. Fails where a stream does not end, or
 * ends in an unexpected way, or where memory grew by more than `--allow-mb` between the first fifth of the requests and
 * the last. Linux only (`/proc`).
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    requests: { type: 'string', default: '5000' },
    kills: { type: 'string', default: '50' },
    'allow-mb': { type: 'string', default: '30' },
  },
});
const atOnce = 8;
const endMs = 60_000;
let pid = 0;

const log: Log = {
  debug: (_message, fields) => {
    if (typeof fields?.['pid'] === 'number') pid = fields['pid'];
  },
  info: () => {},
  warn: () => {},
  error: (message) => console.error(message),
};

function requestOf(number: number): ChatRequest {
  const kind = number % 6;
  const text = `request ${number} `.repeat(1 + (number % 17));
  const tool = {
    name: 'f',
    strict: false,
    parameters: { type: 'object', properties: { a: { type: 'integer' } } },
  };
  const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
  return fakeChatRequest(text, {
    maxTokens: 24,
    stop: kind === 0 ? ['e'] : [],
    n: kind === 1 ? 3 : 1,
    logprobs: kind === 2,
    topLogprobs: kind === 2 ? 5 : 0,
    ...(kind === 3 ? { frequencyPenalty: 1, logitBias: { '70': 3 } } : {}),
    responseFormat: kind === 4 ? { type: 'json_schema', name: 's', strict: true, schema } : { type: 'text' },
    tools: kind === 5 ? [tool] : [],
    toolChoice: kind === 5 ? { type: 'required' } : { type: 'auto' },
  });
}

/** Reads one stream to its end; every seventh client leaves in the middle. */
async function readOne(engine: Engine, number: number): Promise<string> {
  const controller = new AbortController();
  const hung = setTimeout(() => {
    console.error(`request ${number} does not end`);
    process.exit(1);
  }, endMs);
  const call = {
    request: requestOf(number),
    model: 'm',
    keyId: `k${number % 3}`,
    completionId: `c${number}`,
  };
  const stream = engine.open(call, controller.signal);
  let end = 'left';
  let batches = 0;
  for await (const batch of eachBatch(stream)) {
    for (const event of batch) {
      if (event.type === 'finish') end = event.reason;
      if (event.type === 'failed') end = event.failure.code;
    }
    batches++;
    if (number % 7 === 0 && batches === 4) controller.abort();
  }
  clearTimeout(hung);
  return end;
}

/** Requests `from` … `to`, a few at once; how they ended, counted. */
async function readMany(engine: Engine, from: number, to: number): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  let next = from;
  const worker = async (): Promise<void> => {
    while (next < to) {
      const end = await readOne(engine, next++);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return ends;
}

const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);
function childMb(): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return mb(1024 * Number(kilobytes));
}

async function main(): Promise<number> {
  const { model } = values;
  if (model === undefined) {
    console.log('node bench/engine/soak.ts --model FILE.gguf [--requests N] [--kills N] [--allow-mb N]');
    return 2;
  }
  const models = new Map([['m', { file: model, sequences: 4, context: 1024 }]]);
  const engine = createEngine({ models, queue: 64, log });
  const started = await engine.start(AbortSignal.timeout(endMs));
  if (!started.ok) throw new Error(started.failure.message);
  const total = Number(values.requests);
  const sizes: number[] = [];
  const allowed = new Set(['left', 'stop', 'length', 'tool_calls']);
  for (let fifth = 0; fifth < 5; fifth++) {
    const ends = await readMany(engine, (fifth * total) / 5, ((fifth + 1) * total) / 5);
    for (const end of ends.keys()) if (!allowed.has(end)) throw new Error(`a request ended in ${end}`);
    sizes.push(childMb());
    console.log(`${((fifth + 1) * total) / 5} requests`, Object.fromEntries(ends), {
      child_mb: childMb(),
      parent_mb: mb(process.memoryUsage().rss),
    });
  }
  const grown = (sizes.at(-1) ?? 0) - (sizes[0] ?? 0);
  const kills = Number(values.kills);
  const ends = new Map<string, number>();
  for (let kill = 0; kill < kills; kill++) {
    const reading = readMany(engine, 10 * kill, 10 * kill + 10);
    await new Promise((resolve) => setTimeout(resolve, 20 + 7 * (kill % 13)));
    process.kill(pid, 'SIGKILL');
    for (const [end, count] of await reading) ends.set(end, (ends.get(end) ?? 0) + count);
    while (!engine.ready()) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  console.log(`${kills} kills`, Object.fromEntries(ends), engine.load());
  const { running, waiting } = engine.load();
  await engine.stop();
  if (grown > Number(values['allow-mb']) || running + waiting > 0) {
    console.error(`grown by ${grown} MB, ${running + waiting} requests left`);
    return 1;
  }
  return 0;
}

process.exitCode = await main();
