// Tailrace is judged by its own judge: the real server with the real model, by the command.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { brokenOf, resultsOf, runCheck } from './run-check.ts';

const model = process.env['TAILRACE_TEST_MODEL'] ?? '';

describe.skipIf(!existsSync(model))('Tailrace with the default model (npm test brings it)', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ model: 'default' });
  });
  afterAll(async () => {
    await server?.stop();
  });

  test('breaks no rule of either set, and nearly all are judged', async () => {
    // Several at a time take half as long; the long run asks as the command does by itself.
    const concurrency = roundsOf(1, 4);
    const asked = ['--key', server.apiKey, '--timeout', '2m', '--concurrency', String(concurrency)];
    const results = await resultsOf(server.baseUrl, ...asked);
    expect(brokenOf(results)).toEqual([]);
    // These need a server in need, a silent model, or a model that ends before it is stopped.
    const seldom =
      /limit-headers|comment-text|retry-|disconnect|cancel|stop-string|incremental|json-object|json-schema|tool-arguments|tool-finish|error-/;
    const unjudged = [...results.values()].filter(
      ({ id, verdict }) => verdict !== 'pass' && !seldom.test(id),
    );
    expect(unjudged.map(({ id, reason }) => `${id}: ${reason}`)).toEqual([]);
  });

  test('the command prints its plan first, stays in its budget, and never shows the key', async () => {
    const { code, stdout, stderr } = await runCheck(
      ...[server.baseUrl, '--key', server.apiKey, '--only', 'errors', '--only', 'framing'],
      ...['--max-requests', '12', '--max-tokens', '60'],
    );
    expect([code, stdout]).toEqual([0, expect.stringContaining('OpenAI’s own form')]);
    expect(stderr).toMatch(/at most \d+ requests and \d+ completion tokens/);
    expect(stderr).toContain('Left out, for want of budget');
    expect(Number(/: (\d+) requests in/.exec(stdout)?.[1])).toBeLessThanOrEqual(12);
    expect(stdout).toContain('not tried');
    expect(stdout + stderr).not.toContain(server.apiKey);
  });

  test('a key that is wrong: exit 2, and the flag that is missing', async () => {
    const { code, stderr } = await runCheck(server.baseUrl, '--key', 'wrong-key-of-the-test');
    expect(code).toBe(2);
    expect(stderr).toContain('--key');
    expect(stderr).not.toContain('wrong-key-of-the-test');
  });
});
