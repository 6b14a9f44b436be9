/**
 * A streamed answer and the same one without streaming cost the same, to the micro-dollar (contract, section 5), over the
 * real adapters, routing and runs: each case is asked for twice, once with each value of `stream`.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PriceConfig } from '../config/config.ts';
import { roundsOf, seedOf } from '../testing/suite-part.ts';
import { createDice } from '../upstreams/testing/dice.ts';
import { dialects } from '../upstreams/testing/mutable-stream.ts';
import { wholeMutations } from '../upstreams/testing/mutations/form-mutations.ts';
import { usageMutations } from '../upstreams/testing/mutations/usage-mutations.ts';
import { bytesOf } from '../upstreams/testing/stream-bytes.ts';
import { anyWrittenAnswer, type WrittenAnswer, writeStream } from '../upstreams/testing/written-answer.ts';
import { naiveCostMicroUsd } from './testing/naive-cost.ts';
import {
  costOf,
  type PricedApp,
  type SetOrigin,
  startPricedApp,
  startSetOrigin,
} from './testing/priced-app.ts';

let origin: SetOrigin;
let app: PricedApp;

beforeAll(async () => {
  origin = await startSetOrigin();
  const { url } = origin;
  app = await startPricedApp({
    config: `
upstreams:
  openai: {base_url: "${url}v1", api_key: k}
  anthropic: {kind: anthropic, base_url: "${url}", api_key: k}
  gemini: {kind: gemini, base_url: "${url}", api_key: k}
models:
  openai: {targets: [{upstream: openai, model: m}]}
  anthropic: {targets: [{upstream: anthropic, model: m}]}
  gemini: {targets: [{upstream: gemini, model: m}]}
`,
  });
});

afterAll(async () => {
  await app.stop();
  await origin.close();
});

const amount = fc.integer({ min: 0, max: 99_999_999 }).map((units) => `0.${String(units).padStart(8, '0')}`);
const amounts = { input: amount, output: amount, cached: amount, cacheWrite: amount };
const anyPrice: fc.Arbitrary<PriceConfig> = fc.record({
  ...amounts,
  request: amount,
  above: fc.tuple(
    fc.record({ ...amounts, tokens: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ output: amount, tokens: fc.integer({ min: 201, max: 500 }) }),
  ),
});

const anyCase = fc.record({
  written: anyWrittenAnswer,
  price: anyPrice,
  /** How the counts are written; undefined: as the provider does. */
  usage: fc.option(fc.constantFrom(...usageMutations), { nil: undefined }),
  /** Whether the upstream answers with one JSON answer. */
  json: fc.boolean(),
  seed: fc.nat(0x7fff_ffff),
});

/** The outcomes of both ways to ask, for an upstream that answers so. */
async function askBoth({ dialect, choices }: WrittenAnswer, body: Buffer, contentType: string) {
  origin.answer = { body, contentType };
  const request = { model: dialect, messages: [{ role: 'user', content: 'Hello there' }], n: choices.length };
  return { streamed: await app.ask({ ...request, stream: true }), whole: await app.ask(request) };
}

test.each(dialects)(
  'an answer of %s costs the same, streamed or not',
  async (dialect) => {
    let reported = 0;
    let withCache = 0;
    await fc.assert(
      fc.asyncProperty(anyCase, async ({ written: drawn, price, usage, json, seed }) => {
        // The adapters of these two ask for one choice.
        const choices = dialect === 'openai' ? drawn.choices : drawn.choices.slice(0, 1);
        const written = { ...drawn, dialect, choices };
        fc.pre(dialect !== 'gemini' || written.usage.cacheWriteTokens === undefined);
        const stream = writeStream(written);
        const dice = createDice(seed);
        if (json) wholeMutations[0]?.apply(stream, dice);
        usage?.apply(stream, dice);
        const { streamed, whole } = await askBoth(written, bytesOf(stream, dice), stream.contentType);

        expect(streamed.status).toBe('completed');
        expect(whole.status).toBe('completed');
        expect(streamed.usage).toEqual(whole.usage);
        const cost = costOf(streamed, { [dialect]: price });
        expect(costOf(whole, { [dialect]: price })).toBe(cost);

        // Where the upstream counted, the cost is that of its counts.
        if (stream.expected.usage === undefined || streamed.usage?.estimated === true) return;
        reported += 1;
        const {
          promptTokens,
          completionTokens,
          cachedTokens = 0,
          cacheWriteTokens = 0,
        } = stream.expected.usage;
        if (cachedTokens > 0 && (cacheWriteTokens > 0 || dialect === 'gemini')) withCache += 1;
        const naive = naiveCostMicroUsd({
          prompt: promptTokens,
          cached: cachedTokens,
          written: cacheWriteTokens,
          price,
          delivered: [{ tokens: completionTokens, price }],
        });
        expect(BigInt(cost)).toBe(naive);
      }),
      { numRuns: roundsOf(3_000, 60), seed: seedOf() },
    );
    expect(reported).toBeGreaterThan(40);
    expect(withCache).toBeGreaterThan(5);
  },
  roundsOf(600_000, 60_000),
);
