import { parseArgs } from 'node:util';
import { gapsBesidePrompts, percentile, story, timeToFirst, totalRate } from './measure.ts';
import { startLlamaServer, startTailrace, type Target } from './targets.ts';

/**
 * Compares Tailrace's engine with llama.cpp's own server: the same weights, the same number of threads, through HTTP as
 * clients use them. The two run one after the other, in several rounds. See README.md.
 */
const { values } = parseArgs({
  options: {
    'llama-server': { type: 'string' },
    model: { type: 'string' },
    threads: { type: 'string', default: '1' },
    tokens: { type: 'string', default: '96' },
    rounds: { type: 'string', default: '3' },
    'flash-attention': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const usage =
  'node bench/engine/bench.ts --llama-server PATH --model FILE.gguf [--threads N] [--tokens N] [--rounds N] [--flash-attention]';
const streamCounts = [1, 4, 8] as const;
const sequences = 8;
const context = 2048;

async function main(): Promise<number> {
  const { model, 'llama-server': binary } = values;
  if (values.help || model === undefined || binary === undefined) {
    console.log(usage);
    return values.help ? 0 : 2;
  }
  const threads = Number(values.threads);
  const tokens = Number(values.tokens);
  const flashAttention = values['flash-attention'];
  const figures = new Map<string, Map<string, number[]>>();
  const note = (row: string, target: Target, value: number): void => {
    const rows = figures.get(row) ?? new Map<string, number[]>();
    rows.set(target.name, [...(rows.get(target.name) ?? []), value]);
    figures.set(row, rows);
  };
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const start of [startTailrace, startLlamaServer]) {
      const target = await start({ binary, model, threads, sequences, context, flashAttention });
      try {
        await totalRate(target, 1, 16);
        for (const streams of streamCounts) {
          const before = target.cpuMs();
          note(`tokens/s, ${streams} streams`, target, await totalRate(target, streams, tokens));
          const usedMs = target.cpuMs() - before;
          note(`CPU a token, ${streams} streams, ms`, target, usedMs / (streams * tokens));
        }
        const prompt = story(500, round);
        note('TTFT cold, 500 tokens, ms', target, await timeToFirst(target, prompt));
        note('TTFT warm, the same, ms', target, await timeToFirst(target, prompt));
        const { gapsMs, firstMs } = await gapsBesidePrompts(target, round);
        note('gap p99 beside long prompts, ms', target, percentile(gapsMs, 0.99));
        note('gap longest, ms', target, Math.max(...gapsMs));
        note('TTFT of the short neighbour, ms', target, firstMs);
      } finally {
        await target.stop();
      }
      console.error(`round ${round}: ${target.name} done`);
    }
  }
  print(figures);
  return 0;
}

/** The median of the rounds, and the ratio. */
function print(figures: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>): void {
  console.log('| | tailrace | llama-server | ratio |\n| --- | --- | --- | --- |');
  for (const [row, targets] of figures) {
    const ours = percentile(targets.get('tailrace') ?? [], 0.5);
    const theirs = percentile(targets.get('llama-server') ?? [], 0.5);
    console.log(`| ${row} | ${figure(ours)} | ${figure(theirs)} | ${(ours / theirs).toFixed(2)} |`);
  }
}

function figure(value: number): string {
  return value.toFixed(value < 20 ? 2 : 1);
}

process.exitCode = await main();
