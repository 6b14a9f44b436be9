// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like that.
// Three surfaces of attack at once: bytes of clients, answers of upstreams, configurations. The server lives, answers
// /livez, serves callers that do nothing wrong, releases its memory, and lets out nothing that was planted.

import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { untilNoneLive } from '../support/live-streams.ts';
import { type LivezWatch, livezWithinMs, watchLivez } from '../support/livez-watch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { createMemoryProbe, type Held, type MemoryProbe } from '../support/server-memory.ts';
import { bystanderKey } from './bystander.ts';
import { type Report, runCampaign, type Surface, surfaces } from './campaign.ts';
import { configEnvironment } from './config-texts.ts';
import { type HostileUpstream, startHostileUpstream } from './hostile-upstream.ts';
import { planted } from './planted.ts';

/*
 * `TAILRACE_FUZZ_SECONDS` (default 30) is how long cases are begun, `TAILRACE_FUZZ_SEED` (default 1) makes them, and
 * `TAILRACE_FUZZ_CASE=upstream:1234` plays one of them again. `TAILRACE_FUZZ_REPORT` names a file for the figures.
 */
const seconds = Number(process.env['TAILRACE_FUZZ_SECONDS'] ?? 30);
const seed = Number(process.env['TAILRACE_FUZZ_SEED'] ?? 1);
const only = caseFrom(process.env['TAILRACE_FUZZ_CASE']);
const reportFile = process.env['TAILRACE_FUZZ_REPORT'];

/** The key of the attacking clients. */
const strangerKey = 'tr_stranger_77a1c0de';
const mostHeapGrowthBytes = 24 * 1024 * 1024;
/** Compiles code and fills pools and caches: the memory after it is the memory that may be held. */
const warmUpSeconds = only === undefined ? Math.min(10, seconds / 3) : 0;

let upstream: HostileUpstream;
let probe: MemoryProbe;
let server: TestServer;
let livez: LivezWatch;

beforeAll(async () => {
  upstream = await startHostileUpstream();
  probe = createMemoryProbe();
  const started = await startServer({
    model: 'random',
    files: { 'answers.yaml': answers },
    config: configFor(upstream.port),
    env: {
      ...configEnvironment,
      ...probe.env,
      // Empty counts as not set: two keys stand in the file.
      TAILRACE_API_KEY: '',
      FUZZ_KEY: planted.upstreamKey,
      FUZZ_HEADER: planted.upstreamHeader,
    },
  });
  server = { ...started, apiKey: strangerKey };
  livez = watchLivez(server.port);
}, 120_000);
afterAll(async () => {
  await livez?.close();
  await server?.stop();
  probe?.close();
  await upstream?.close();
});

test(
  `nothing breaks and nothing leaves in ${seconds} s of chance (seed ${seed})`,
  async () => {
    let before: Held | undefined;
    if (warmUpSeconds > 0) {
      await runCampaign({
        server,
        upstream,
        livez,
        seed: seed + 1_000_000,
        seconds: warmUpSeconds,
        mostWaitMs: livezWithinMs,
        only,
      });
      await untilNoneLive(server, 60_000);
      before = await probe.held();
    }
    await livez.look();
    const report = await runCampaign({
      server,
      upstream,
      livez,
      seed,
      seconds: seconds - warmUpSeconds,
      mostWaitMs: livezWithinMs,
      only,
    });
    await untilNoneLive(server, 60_000);
    const after = await probe.held();
    const grownBytes = after.heldBytes - (before ?? after).heldBytes;
    const figures = { ...report, findings: report.findings.length, grownBytes, after };
    console.log(JSON.stringify(figures));
    if (reportFile !== undefined) writeFileSync(reportFile, JSON.stringify(figures));

    expect(report.findings.map(describeFinding)).toEqual([]);
    expect(grownBytes, 'memory that was not given back').toBeLessThan(mostHeapGrowthBytes);
    if (only === undefined && seconds >= 40) expectToHaveSeen(report);
  },
  (seconds + 300) * 1_000,
);

/** A campaign whose cases never reach the server would find nothing either. */
function expectToHaveSeen({ outcomes, cases }: Report): void {
  for (const surface of surfaces) expect(cases[surface], `cases of ${surface}`).toBeGreaterThan(20);
  for (const surface of ['client', 'upstream'] as const) {
    for (const outcome of ['whole', 'refused', 'failed'] as const) {
      expect(outcomes[`${surface}: ${outcome}`] ?? 0, `${surface}: ${outcome}`).toBeGreaterThan(0);
    }
  }
  expect(outcomes['upstream: error event'] ?? 0, 'error events').toBeGreaterThan(0);
}

function describeFinding({ surface, index, what }: Report['findings'][number]): string {
  const said = what.slice(0, 1_500);
  // A finding of no single case has no number to play again.
  return surfaces.some((one) => one === surface)
    ? `TAILRACE_FUZZ_SEED=${seed} TAILRACE_FUZZ_CASE=${surface}:${index}: ${said}`
    : `TAILRACE_FUZZ_SEED=${seed} (${surface}): ${said}`;
}

function caseFrom(text: string | undefined): { surface: Surface; index: number } | undefined {
  const [name = '', number] = text?.split(':') ?? [];
  const surface = surfaces.find((one) => one === name);
  return surface === undefined ? undefined : { surface, index: Number(number) };
}

const answers = {
  answers: [
    { when: { model: 'json' }, steps: [{ text: ['{', '}'] }, { finish: 'stop' }] },
    { steps: [{ text: ['Rivers ', 'run', '.'] }, { finish: 'stop' }] },
  ],
};

function configFor(port: number) {
  const base = `http://127.0.0.1:${port}`;
  const hostile = { api_key: '${FUZZ_KEY}', headers: { 'x-team': '${FUZZ_HEADER}' } };
  const claude = { upstream: 'anthropic', model: 'claude-sonnet-4-5' };
  const short = { first_token: '3s', stall: '1s', total: '8s' };
  return {
    upstreams: {
      openai: { kind: 'openai', base_url: `${base}/openai/v1`, ...hostile },
      anthropic: { kind: 'anthropic', base_url: `${base}/anthropic`, ...hostile },
      gemini: { kind: 'gemini', base_url: `${base}/gemini`, ...hostile },
      scripted: { kind: 'scripted', script: './answers.yaml' },
    },
    models: {
      'fuzz/openai': { targets: [{ upstream: 'openai', model: 'm' }], timeouts: short },
      'fuzz/anthropic': { targets: [claude], timeouts: short },
      'fuzz/gemini': { targets: [{ upstream: 'gemini', model: 'gemini-2.5-flash' }], timeouts: short },
      'fuzz/scripted': { targets: [{ upstream: 'scripted', model: 'text' }], timeouts: short },
      'fuzz/json': { targets: [{ upstream: 'scripted', model: 'json' }], timeouts: short },
      'fuzz/pair': {
        targets: [
          { upstream: 'openai', model: 'm', takeover: 'replay' },
          { ...claude, takeover: 'replay' },
        ],
        timeouts: { ...short, hedge_after: '300ms' },
      },
    },
    retry: { per_target: 2, total: 2, backoff: '10ms' },
    breaker: { failures: 10_000 },
    auth: { api_keys: [strangerKey, bystanderKey] },
    logging: { level: 'debug', content: false, format: 'json' },
  };
}
