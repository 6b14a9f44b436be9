// Tools as real MCP servers list them, unlike the fifty of tools.test.ts, which were written for it.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { partOf } from '../../packages/server/src/testing/suite-part.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { atOnce, callEachByName, createCallJudge, readFixture, type Tool } from './tool-calls.ts';

interface Listed {
  readonly packages: readonly {
    readonly package: string;
    readonly licence: string;
    readonly tools: readonly Tool[];
  }[];
}

const { packages } = readFixture<Listed>('mcp-tools.json');
const tools = packages.flatMap((listed) => listed.tools);

let server: TestServer;
beforeAll(async () => {
  // A token of this model is about a byte, and the longest definition has 4,000.
  server = await startServer({ model: 'random', sequences: atOnce, context: 10_240 });
});
afterAll(async () => {
  await server?.stop();
});

test('there are more than a hundred, of twenty packages, each with a name of its own', () => {
  expect(packages.length).toBeGreaterThanOrEqual(20);
  expect(new Set(tools.map(({ name }) => name)).size).toBe(tools.length);
  expect(tools.length).toBeGreaterThan(100);
});

test('each is called once where it is asked for by name, with valid arguments in pieces', async () => {
  const { problems, asked, whole, pieces } = await callEachByName(
    server,
    partOf(tools, 12),
    createCallJudge(tools),
  );
  expect(problems).toEqual([]);
  expect(whole).toBeGreaterThan(0.8 * asked);
  expect(pieces).toBeGreaterThan(2 * asked);
});
