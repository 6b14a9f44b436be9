import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWall, type Wall } from '../../packages/server/src/wall/wall.ts';
import { connect, type RequestParts, requestBytes } from '../support/raw-connection.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import {
  type Column,
  columns,
  expectedIn,
  type FaultCase,
  faultCases,
  type Mode,
  modelOf,
  modes,
  wallConfig,
} from './columns.ts';
import { judgeObject, judgeStream, truthsOf } from './judge.ts';
import { isPending, pending } from './pending.ts';
import { messages } from './wall-client.ts';

/*
 * Every fault × {streaming, not} × column through the server, each outcome compared with what the fault
 * declares. `TAILRACE_WALL_COLUMN=one,second` and `TAILRACE_WALL_FAULT=cut` choose some of them;
 * a column that is named is judged though it is pending.
 */

const titles: Readonly<Record<Column, string>> = {
  one: 'with this target alone',
  second: 'with a healthy second target',
  replay: 'with a healthy second target that replays',
  prefix: 'with a healthy second target that continues a prefix',
};

// A stall that nobody can take over is waited for: at least 30 s, and with retries more than once.
const patienceMs = 150_000;
const mostIdleConnections = 8;
const onlyColumns = process.env['TAILRACE_WALL_COLUMN']?.split(',');
const onlyFaults = process.env['TAILRACE_WALL_FAULT'];

const judged = columns
  .filter((column) => onlyColumns?.includes(column) ?? true)
  .map((column) => ({
    column,
    cases: faultCases
      .filter(({ spelling }) => spelling.includes(onlyFaults ?? ''))
      .flatMap((faultCase) => modes.map((mode) => ({ faultCase, mode })))
      .filter(({ faultCase, mode }) => onlyColumns !== undefined || !isPending(column, mode, faultCase)),
  }));

test('what is pending is a case that there is, and has a reason', () => {
  for (const row of pending) {
    const cases = faultCases.filter(row.concerns);
    expect(cases, row.reason).not.toEqual([]);
    expect(row.reason).toMatch(/\w+ \w+/);
  }
});

describe('through the relay', () => {
  let wall: Wall;
  let wallPort: number;
  let server: TestServer;

  beforeAll(async () => {
    wall = createWall();
    wallPort = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
    server = await startServer({ model: 'none', config: wallConfig(wallPort, wall.stats().refuse_port) });
  });
  afterAll(async () => {
    await wall.close();
    await server.stop();
  });

  for (const { column, cases } of judged) {
    describe(titles[column], () => {
      for (const { faultCase, mode } of cases) {
        const outcome = expectedIn(column, faultCase)[mode];
        const words = outcome.kind === 'whole' ? 'whole' : `${outcome.kind} ${outcome.code}`;
        test(
          `${faultCase.spelling}, ${mode}: ${words}`,
          async () => {
            await exchange(wallPort, { method: 'POST', path: '/wall/reset', body: '' });
            const response = await askRelay(column, faultCase, mode);
            const judge = mode === 'streaming' ? judgeStream : judgeObject;
            expect(judge(response, truthsOf(faultCase.fault))).toEqual({ outcome, lies: [] });
            await untilNothingIsLeft();
          },
          patienceMs,
        );
      }
    });
  }

  function askRelay(column: Column, faultCase: FaultCase, mode: Mode) {
    const { asks } = faultCase.fault;
    const stream = mode === 'streaming';
    return exchange(server.port, {
      path: '/v1/chat/completions',
      headers: { Authorization: `Bearer ${server.apiKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: modelOf(column, faultCase), messages, stream, ...asks }),
    });
  }

  // Idle connections are kept for the next request; whatever is beyond a handful was forgotten.
  test('and the server holds no more connections than it can use again', () => {
    expect(wall.stats().connections_open).toBeLessThanOrEqual(mostIdleConnections);
  });

  /** The server has let go of the wall, and of its own run. */
  async function untilNothingIsLeft(): Promise<void> {
    await until('every answer of the wall to be over', 10_000, () =>
      wall.stats().in_flight === 0 ? true : undefined,
    );
    const headers = { Authorization: `Bearer ${server.adminKey}` };
    await until('every run of the server to be over', 10_000, async () => {
      const { body } = await exchange(server.port, { path: '/admin/v1/streams', headers });
      const { data } = JSON.parse(body.toString()) as { data: readonly unknown[] };
      return data.length === 0 ? true : undefined;
    });
  }
});

async function exchange(port: number, parts: RequestParts) {
  await using connection = await connect(port);
  connection.send(requestBytes(parts));
  return await connection.response(0, patienceMs - 20_000);
}
