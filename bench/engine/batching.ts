import { parseArgs } from 'node:util';
import { decodeJsonText } from '@tailrace/protocol';
import { eachBatch } from '../../packages/server/src/domain/batches.ts';
import type { ChatRequest } from '../../packages/server/src/domain/chat-request.ts';
import { fakeChatRequest } from '../../packages/server/src/domain/fake-chat-request.ts';
import { createEngine, type Engine } from '../../packages/server/src/engine/parent/engine.ts';

/**
 * How often a seeded answer changes when other requests run beside it: one batch computes a token of every sequence, and
 * a batch of another size may be computed by other kernels, which round differently.
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    answers: { type: 'string', default: '64' },
    tokens: { type: 'string', default: '100' },
    threads: { type: 'string', default: '1' },
    'flash-attention': { type: 'boolean', default: false },
  },
});
const sequences = 8;
const startMs = 60_000;
const log = { debug() {}, info() {}, warn() {}, error: console.error };

interface Asked {
  readonly number: number;
  readonly temperature: number;
}

function requestOf({ number, temperature }: Asked): ChatRequest {
  const subject = ['a mill', 'the sea', 'bread', 'a bridge', 'winter', 'a clock', 'salt', 'birds'][
    number % 8
  ];
  return fakeChatRequest(`Tell me of ${subject}, number ${number}.`, {
    maxTokens: Number(values.tokens),
    temperature,
    seed: number,
    toolChoice: { type: 'none' },
  });
}

async function textOf(engine: Engine, asked: Asked): Promise<string> {
  const call = { request: requestOf(asked), model: 'm', keyId: 'k', completionId: `c${asked.number}` };
  const stream = engine.open(call, new AbortController().signal);
  let text = '';
  for await (const batch of eachBatch(stream)) {
    for (const event of batch) {
      if (event.type === 'text-delta') text += decodeJsonText(event.json);
      if (event.type === 'failed') throw new Error(event.failure.message);
    }
  }
  return text;
}

async function textsOf(engine: Engine, wanted: readonly Asked[], atOnce: number): Promise<string[]> {
  const texts: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < wanted.length; at = next++) {
      const asked = wanted[at];
      if (asked !== undefined) texts[at] = await textOf(engine, asked);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return texts;
}

async function main(): Promise<number> {
  const { model } = values;
  if (model === undefined) {
    console.log(
      'node bench/engine/batching.ts --model FILE.gguf [--answers N] [--tokens N] [--threads N] [--flash-attention]',
    );
    return 2;
  }
  const models = new Map([['m', { file: model, sequences, context: 1024 }]]);
  const engine = createEngine({
    models,
    queue: 64,
    log,
    threads: Number(values.threads),
    flashAttention: values['flash-attention'],
  });
  const started = await engine.start(AbortSignal.timeout(startMs));
  if (!started.ok) throw new Error(started.failure.message);
  try {
    console.log('| temperature | answers | at once | other texts | first difference, characters in |');
    console.log('| --- | --- | --- | --- | --- |');
    for (const temperature of [0, 1]) {
      const wanted = Array.from({ length: Number(values.answers) }, (_, number) => ({ number, temperature }));
      const alone = await textsOf(engine, wanted, 1);
      for (const atOnce of [1, 2, 4, 8]) {
        const among = await textsOf(engine, wanted, atOnce);
        const differing = among.flatMap((text, at) => {
          const other = alone[at] ?? '';
          return text === other ? [] : [[...text].findIndex((letter, index) => letter !== [...other][index])];
        });
        const where = differing.toSorted((left, right) => left - right).join(', ');
        console.log(`| ${temperature} | ${wanted.length} | ${atOnce} | ${differing.length} | ${where} |`);
      }
    }
  } finally {
    await engine.stop();
  }
  return 0;
}

process.exitCode = await main();
