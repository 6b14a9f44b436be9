import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWall, type Wall } from '../../packages/server/src/wall/wall.ts';
import { inParallel } from '../support/in-parallel.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { createMemoryProbe, type Held, type MemoryProbe } from '../support/server-memory.ts';
import { until } from '../support/until.ts';
import { askRelay, type ChatMessage, liveRuns } from './ask-relay.ts';
import {
  type Column,
  columns,
  expectedIn,
  type FaultCase,
  faultCases,
  type Mode,
  modelOf,
  modes,
  trueOutcomes,
  wallConfig,
} from './columns.ts';
import { judgeObject, judgeStream, truthsOf, type Verdict } from './judge.ts';
import { type ClientRecord, disagreements } from './settled.ts';

/*
 * Every fault × {streaming, not} × column through the server, each outcome compared with what the fault
 * declares; then the server's log line of each request, and what the server still holds.
 * `TAILRACE_WALL_COLUMN=one,second` and `TAILRACE_WALL_FAULT=cut` choose some of them.
 */

const titles: Readonly<Record<Column, string>> = {
  one: 'with this target alone',
  second: 'with a healthy second target',
  replay: 'with a healthy second target that replays',
  prefix: 'with a healthy second target that continues a prefix',
};

interface Case {
  readonly column: Column;
  readonly faultCase: FaultCase;
  readonly mode: Mode;
}

// Where no target can take over, the server waits at least 30 s for a stalled stream, with retries more than once.
const patienceMs = 110_000;
const atOnce = 24;
/** Compiles code and fills pools and caches: the memory after these requests is the memory that may be held. */
const warmUpRounds = 20;
const mostHeapGrowthBytes = 8 * 1024 * 1024;
const onlyColumns = process.env['TAILRACE_WALL_COLUMN']?.split(',');
const onlyFaults = process.env['TAILRACE_WALL_FAULT'];

const cases: readonly Case[] = columns
  .filter((column) => onlyColumns?.includes(column) ?? true)
  .flatMap((column) =>
    faultCases
      .filter(({ spelling }) => spelling.includes(onlyFaults ?? ''))
      .flatMap((faultCase) => modes.map((mode) => ({ column, faultCase, mode }))),
  );

// Each case asks a question of its own, so that they run side by side and `500-once` is once for each.
const titleOf = ({ column, faultCase, mode }: Case) => `${faultCase.spelling}, ${mode}, ${column}`;
const questionOf = (one: Case): readonly ChatMessage[] => [
  { role: 'user', content: `Tell me about the mill: ${titleOf(one)}.` },
];

/** Faults that count all requests, or that use a whole processor, run one after the other. */
const inTurn: ReadonlySet<string> = new Set(['flapping', 'too-fast']);
const slowFirst = [
  'stall',
  '429-date',
  '429-seconds',
  'endless',
  'hang',
  'comments-only',
  '500-then-hang',
  '503-hang',
];
const rank = ({ faultCase }: Case) => (slowFirst.includes(faultCase.fault.name) ? 0 : 1);

describe('through the relay', () => {
  let wall: Wall;
  let server: TestServer;
  let probe: MemoryProbe;
  let before: Held;
  const verdicts = new Map<Case, Verdict | Error>();
  const records: ClientRecord[] = [];

  beforeAll(async () => {
    wall = createWall();
    const wallPort = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
    probe = createMemoryProbe();
    server = await startServer({
      model: 'none',
      config: wallConfig(wallPort, wall.stats().refuse_port),
      env: probe.env,
    });
    await warmUp();
    before = await held();
    const side = cases.filter(({ faultCase }) => !inTurn.has(faultCase.fault.name));
    await inParallel(
      side.toSorted((a, b) => rank(a) - rank(b)),
      atOnce,
      judge,
    );
    await inParallel(
      cases.filter(({ faultCase }) => inTurn.has(faultCase.fault.name)),
      1,
      judge,
    );
  }, 400_000);
  afterAll(async () => {
    await wall.close();
    await server.stop();
    probe.close();
  });

  for (const column of columns) {
    const ofColumn = cases.filter((one) => one.column === column);
    if (ofColumn.length === 0) continue;
    describe(titles[column], () => {
      for (const one of ofColumn) {
        const outcome = expectedIn(column, one.faultCase)[one.mode];
        const words = outcome.kind === 'whole' ? 'whole' : `${outcome.kind} ${outcome.code}`;
        test(`${one.faultCase.spelling}, ${one.mode}: ${words}`, () => {
          const verdict = verdicts.get(one);
          if (verdict === undefined || verdict instanceof Error)
            throw verdict ?? new Error('it was not asked');
          expect(verdict.lies).toEqual([]);
          expect(trueOutcomes(column, one.faultCase, one.mode)).toContainEqual(verdict.outcome);
        });
      }
    });
  }

  test('every request has left one log line that agrees with what its client got', () => {
    expect(records.length).toBeGreaterThanOrEqual(cases.length);
    expect(disagreements(records, server.logs())).toEqual([]);
  });

  test('the server holds no more than before', async () => {
    expect(await liveRuns(server)).toEqual([]);
    await until('every answer of the wall to be over', 20_000, () =>
      wall.stats().in_flight === 0 ? true : undefined,
    );
    const after = await held();
    expect(after.resources).toEqual(before.resources);
    // The ledger closes the file of its spool some seconds after the last record.
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 1);
    expect(after.heldBytes - before.heldBytes).toBeLessThan(mostHeapGrowthBytes);
  });

  async function ask(one: Case, messages: readonly ChatMessage[]): Promise<Verdict> {
    const { column, faultCase, mode } = one;
    const fields = { model: modelOf(column, faultCase), messages, stream: mode === 'streaming' };
    const response = await askRelay(server, { ...fields, ...faultCase.fault.asks }, patienceMs);
    if (response === undefined) throw new Error('the connection ended without an answer');
    const judged = mode === 'streaming' ? judgeStream : judgeObject;
    const verdict = judged(response, truthsOf(faultCase, messages));
    records.push({ requestId: response.header('x-request-id') ?? '', status: response.status, verdict });
    return verdict;
  }

  async function judge(one: Case): Promise<void> {
    try {
      verdicts.set(one, await ask(one, questionOf(one)));
    } catch (error) {
      verdicts.set(one, error instanceof Error ? error : new Error(String(error)));
    }
  }

  async function warmUp(): Promise<void> {
    const quick = cases.filter((one) => rank(one) === 1 && !inTurn.has(one.faultCase.fault.name));
    const rounds = Array.from({ length: warmUpRounds }, (_, round) => round);
    await inParallel(rounds, 4, async (round) => {
      const one = quick[(round * 31) % quick.length];
      if (one !== undefined) await ask(one, [{ role: 'user', content: `Warm-up ${round}` }]);
    });
    // The thread that checks JSON ends after a while.
    const judged = cases.find(({ faultCase }) => faultCase.fault.name === 'json-off-schema');
    if (judged !== undefined) await ask(judged, [{ role: 'user', content: 'Warm-up of the judge' }]);
  }

  /** Counted after idle connections have closed: they are kept for a while for the next request. */
  async function held(): Promise<Held> {
    await until('idle connections to be given up', 20_000, () =>
      wall.stats().connections_open === 0 ? true : undefined,
    );
    return probe.held();
  }
});
