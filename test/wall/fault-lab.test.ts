import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  startTestApp,
  type TestApp,
  testAdminKey,
  testKey,
} from '../../packages/server/src/testing/start-app.ts';
import { partOf } from '../../packages/server/src/testing/suite-part.ts';
import { inParallel } from '../support/in-parallel.ts';
import { askRelay, type ChatMessage } from './ask-relay.ts';
import { type FaultCase, faultCases, type Mode, modes } from './columns.ts';
import { judgeObject, judgeStream, truthsOf, type Verdict } from './judge.ts';

/*
 * The catalogue of faults through the models of the fault lab: each answer is whole or an error, as its fault declares.
 * `npm run soak` asks for all of them.
 */

const settings = { truth: 'one', failover: 'second', takeover: 'takeover' } as const;
type Setting = keyof typeof settings;

interface Case {
  readonly setting: Setting;
  readonly faultCase: FaultCase;
  readonly mode: Mode;
}

const everyCase = (Object.keys(settings) as Setting[]).flatMap((setting) =>
  faultCases.flatMap((faultCase) => modes.map((mode): Case => ({ setting, faultCase, mode }))),
);
// Without a target that can take over, a stall is given up after 30 s only. The two others use a whole processor, or count all requests.
const slow = new Set(['stall', 'too-fast', 'flapping']);
const cases = [
  ...partOf(
    everyCase.filter(({ faultCase }) => !slow.has(faultCase.fault.name)),
    90,
  ),
  ...partOf(
    everyCase.filter(({ faultCase }) => slow.has(faultCase.fault.name)),
    0,
  ),
];
const titleOf = ({ setting, faultCase, mode }: Case) => `fault-lab/${setting}/${faultCase.spelling}, ${mode}`;
const patienceMs = 100_000;

describe('every fault through the fault lab ends in truth', () => {
  let app: TestApp;
  const verdicts = new Map<Case, Verdict | Error>();
  beforeAll(async () => {
    app = await startTestApp({ config: '{}' });
    await inParallel(cases, 16, async (one) => {
      verdicts.set(one, await judged(one).catch((error: unknown) => new Error(String(error))));
    });
  }, 400_000);
  afterAll(() => app.stop());

  for (const one of cases) {
    const outcome = one.faultCase.fault.expected[settings[one.setting]][one.mode];
    test(`${titleOf(one)}: ${outcome.kind === 'whole' ? 'whole' : `${outcome.kind} ${outcome.code}`}`, () => {
      const verdict = verdicts.get(one);
      if (verdict === undefined || verdict instanceof Error) throw verdict ?? new Error('it was not asked');
      expect({ outcome: verdict.outcome, lies: verdict.lies }).toEqual({ outcome, lies: [] });
    });
  }

  async function judged(one: Case): Promise<Verdict> {
    const { setting, faultCase, mode } = one;
    const messages: readonly ChatMessage[] = [{ role: 'user', content: `Tell me about ${titleOf(one)}.` }];
    const model = `fault-lab/${setting}/${faultCase.spelling}`;
    const fields = { model, messages, stream: mode === 'streaming', ...faultCase.fault.asks };
    const reachable = { port: Number(new URL(app.url).port), apiKey: testKey, adminKey: testAdminKey };
    const response = await askRelay(reachable, fields, patienceMs);
    if (response === undefined) throw new Error('the connection ended without an answer');
    return (mode === 'streaming' ? judgeStream : judgeObject)(response, truthsOf(faultCase, messages));
  }
});
