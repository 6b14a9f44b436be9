/**
 * A streamed answer and the same one without streaming cost the same, to the micro-dollar, also where its first target fails
 * before it has begun, or breaks off in the middle: streamed, a second target then takes the answer over, and without
 * streaming it is asked from the start. The two are in two places of one model, with one price.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PriceConfig } from '../config/config.ts';
import type { RunOutcome } from '../relay/run-outcome.ts';
import { roundsOf, seedOf } from '../testing/suite-part.ts';
import { createDice } from '../upstreams/testing/dice.ts';
import { dialects } from '../upstreams/testing/mutable-stream.ts';
import { bytesOf } from '../upstreams/testing/stream-bytes.ts';
import { anyWrittenAnswer, writeStream } from '../upstreams/testing/written-answer.ts';
import { naiveCostMicroUsd } from './testing/naive-cost.ts';
import {
  costOf,
  type PricedApp,
  type SetOrigin,
  startPricedApp,
  startSetOrigin,
} from './testing/priced-app.ts';

let broken: SetOrigin;
let sound: SetOrigin;
let app: PricedApp;

beforeAll(async () => {
  broken = await startSetOrigin();
  sound = await startSetOrigin();
  const upstreams = dialects.flatMap((kind) => {
    const base = ({ url }: SetOrigin) => (kind === 'openai' ? `${url}v1` : url);
    const line = (name: string, origin: SetOrigin) =>
      `  ${kind}-${name}: {kind: ${kind}, base_url: "${base(origin)}", api_key: k}`;
    return [line('broken', broken), line('sound', sound)];
  });
  const models = dialects.flatMap((kind) => [
    `  ${kind}:`,
    `    targets: [{upstream: ${kind}-broken, model: m}, {upstream: ${kind}-sound, model: m, priority: 1, takeover: replay}]`,
    `  ${kind}-other: {targets: [{upstream: ${kind}-sound, model: m, takeover: replay}]}`,
    `  ${kind}-dear: {fallbacks: [${kind}-other], targets: [{upstream: ${kind}-broken, model: m}]}`,
  ]);
  app = await startPricedApp({
    config: `
upstreams:
${upstreams.join('\n')}
models:
${models.join('\n')}
retry: {per_target: 1}
breaker: {failures: 10000}
`,
  });
});

afterAll(async () => {
  await app.stop();
  await broken.close();
  await sound.close();
});

const amount = fc.integer({ min: 0, max: 99_999_999 }).map((units) => `0.${String(units).padStart(8, '0')}`);
const anyPrice: fc.Arbitrary<PriceConfig> = fc.record({
  input: amount,
  output: amount,
  cached: amount,
  cacheWrite: amount,
  request: amount,
  above: fc.tuple(fc.record({ output: amount, tokens: fc.integer({ min: 1, max: 400 }) })),
});

const anyCase = fc.record({
  written: anyWrittenAnswer,
  price: anyPrice,
  fallbackPrice: anyPrice,
  /** Where the first target breaks off: after so many thousandths of its events. */
  cutAt: fc.noBias(fc.integer({ min: 0, max: 999 })),
  seed: fc.nat(0x7fff_ffff),
});

/** What the streamed request and the whole one are charged, where both were answered whole. */
interface Costs {
  readonly streamed: RunOutcome;
  readonly whole: RunOutcome;
}

/** Asks for both; undefined where the streamed answer was cut, because nothing can take it over. */
async function askBoth(request: object): Promise<Costs | undefined> {
  const whole = await app.ask(request);
  const streamed = await app.ask({ ...request, stream: true }, 'may fail');
  return streamed.status === 'completed' ? { streamed, whole } : undefined;
}

test.each(dialects)(
  'an answer of %s that a second target has to give costs the same, streamed or not',
  async (dialect) => {
    const seen = { before: 0, after: 0, otherPrice: 0 };
    await fc.assert(
      fc.asyncProperty(anyCase, async ({ written: drawn, price, fallbackPrice, cutAt, seed }) => {
        const choices = dialect === 'openai' ? drawn.choices : drawn.choices.slice(0, 1);
        const written = { ...drawn, dialect, choices };
        fc.pre(dialect !== 'gemini' || written.usage.cacheWriteTokens === undefined);
        const stream = writeStream(written);
        const dice = createDice(seed);
        const { contentType } = stream;
        sound.answer = { body: bytesOf(stream, dice), contentType };
        const cut = {
          ...stream,
          frames: stream.frames.slice(0, Math.floor((cutAt * stream.frames.length) / 1_000)),
        };
        broken.answer = { body: bytesOf(cut, dice), contentType };
        const messages = [{ role: 'user', content: 'Hello there' }];
        const request = { messages, n: choices.length, temperature: 0 };

        const same = await askBoth({ ...request, model: dialect });
        if (same !== undefined) {
          const { streamed, whole } = same;
          expect(streamed.usage).toEqual(whole.usage);
          expect(costOf(streamed, { [dialect]: price })).toBe(costOf(whole, { [dialect]: price }));
          if (streamed.attempts.some(({ mode }) => mode === 'replay')) seen.after += 1;
          else if (streamed.attempts.length > 1) seen.before += 1;
        }

        // Another model answers, at another price: whole, it is charged alone; streamed, each model for what it sent.
        const other = await askBoth({ ...request, model: `${dialect}-dear` });
        if (other === undefined || other.whole.usage === undefined || other.whole.usage.estimated === true)
          return;
        const prices = { [`${dialect}-dear`]: price, [`${dialect}-other`]: fallbackPrice };
        const { usage } = other.whole;
        const naive = (first: PriceConfig, delivered: { tokens: number; price: PriceConfig }[]) =>
          naiveCostMicroUsd({
            prompt: usage.promptTokens,
            cached: usage.cachedTokens ?? 0,
            written: usage.cacheWriteTokens ?? 0,
            price: first,
            delivered,
          });
        const all = usage.completionTokens;
        const server = other.whole.attempts.at(-1)?.model === `${dialect}-dear` ? price : fallbackPrice;
        expect(BigInt(costOf(other.whole, prices))).toBe(naive(server, [{ tokens: all, price: server }]));
        const { attempts } = other.streamed;
        expect(other.streamed.usage).toEqual(usage);
        if (!attempts.some(({ mode }) => mode === 'replay')) {
          expect(costOf(other.streamed, prices)).toBe(costOf(other.whole, prices));
          return;
        }
        seen.otherPrice += 1;
        const [one = 0, two = 0] = attempts.map(({ deliveredTokens }) => deliveredTokens);
        const first = Math.floor((all * one) / (one + two));
        const pieces = [
          { tokens: first, price },
          { tokens: all - first, price: fallbackPrice },
        ];
        expect(BigInt(costOf(other.streamed, prices))).toBe(naive(price, pieces));
      }),
      { numRuns: roundsOf(2_000, 60), seed: seedOf() },
    );
    expect(seen.before).toBeGreaterThan(5);
    expect(seen.after).toBeGreaterThan(5);
    expect(seen.otherPrice).toBeGreaterThan(5);
  },
  roundsOf(600_000, 60_000),
);
