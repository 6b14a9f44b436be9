import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LivezWatch, Waits } from '../support/livez-watch.ts';
import { residentBytes } from '../support/processes.ts';
import { requestBytes } from '../support/raw-connection.ts';
import type { TestServer } from '../support/server.ts';
import { runBystander } from './bystander.ts';
import { clientCase } from './client-bytes.ts';
import { judgeConfigText, judgeReload } from './config-case.ts';
import { createDice } from './dice.ts';
import type { HostileUpstream } from './hostile-upstream.ts';
import { judgeAnswer, type Outcome } from './judge-answer.ts';
import { leakInLog, markIn, promptMark } from './planted.ts';
import { fuzzModels, goodRequest } from './request-bodies.ts';
import { send } from './tcp-client.ts';

export const surfaces = ['client', 'upstream', 'config', 'reload'] as const;
export type Surface = (typeof surfaces)[number];

/** Something that must not happen, and how to reproduce it. */
export interface Finding {
  readonly surface: Surface | 'bystander' | 'log' | 'server';
  readonly index: number;
  readonly what: string;
}

export interface CampaignOptions {
  readonly server: TestServer;
  readonly upstream: HostileUpstream;
  readonly livez: LivezWatch;
  readonly seed: number;
  /** How long new cases are begun, in seconds. */
  readonly seconds: number;
  /** The most that a request of /livez may take, in milliseconds. */
  readonly mostWaitMs: number;
  /** One case only, again: `upstream:1234`. */
  readonly only: { readonly surface: Surface; readonly index: number } | undefined;
}

export interface Report {
  readonly seed: number;
  readonly cases: Readonly<Record<Surface, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  readonly waits: Waits;
  /** The most that the server's process held at once, in bytes. */
  readonly peakBytes: number;
}

/** More would only repeat the first ones. */
const mostFindings = 20;

/** Plays cases of every surface side by side until the time is over. Resolves when the last one has ended. */
export async function runCampaign(options: CampaignOptions): Promise<Report> {
  const { server, upstream, livez, seed, seconds, mostWaitMs, only } = options;
  upstream.begin(seed);
  const findings: Finding[] = [];
  const cases = { client: 0, upstream: 0, config: 0, reload: 0 };
  const outcomes: Record<string, number> = {};
  const endMs = performance.now() + (only === undefined ? seconds * 1_000 : 0);
  let waits: Waits = { probes: 0, longestMs: 0, failed: 0 };
  /** Cases that run now or ran a moment ago: one of them caused a long wait. */
  const playing = new Set<string>();
  let playedBefore: readonly string[] = [];
  let logRead = 0;
  let peakBytes = 0;

  const more = (): boolean => performance.now() < endMs && findings.length < mostFindings;
  const found = (surface: Finding['surface'], index: number, what: string): void => {
    findings.push({ surface, index, what });
  };
  const count = (surface: Surface, outcome: Outcome): void => {
    const name = `${surface}: ${outcome}`;
    outcomes[name] = (outcomes[name] ?? 0) + 1;
  };

  async function play(surface: Surface, index: number): Promise<void> {
    const name = `${surface}:${index}`;
    playing.add(name);
    try {
      await playOne(surface, index);
    } finally {
      playing.delete(name);
    }
  }

  async function playOne(surface: Surface, index: number): Promise<void> {
    cases[surface] += 1;
    const dice = createDice(seed, surface, index);
    if (surface === 'config' || surface === 'reload') {
      const what = await (surface === 'config' ? judgeConfigText(dice) : judgeReload(dice, server));
      if (what !== undefined) found(surface, index, what);
      return;
    }
    const mark = promptMark(surface, index);
    if (surface === 'client') {
      const one = clientCase(dice, mark, server.apiKey);
      const judged = judgeAnswer(await send(server.port, one), {
        mark,
        answered: one.answered,
        opaque: one.opaque === true,
        halfClosed: one.halfClose === true,
      });
      count(surface, judged.outcome);
      if (judged.finding !== undefined) found(surface, index, judged.finding);
      return;
    }
    const { openai, anthropic, gemini, pair } = fuzzModels;
    const model = dice.pick([openai, openai, anthropic, gemini, pair]);
    const request = goodRequest(dice, mark, model);
    const received = await send(server.port, {
      pieces: [
        requestBytes({
          path: '/v1/chat/completions',
          headers: {
            Authorization: `Bearer ${server.apiKey}`,
            'Content-Type': 'application/json',
            Connection: 'close',
          },
          body: JSON.stringify(request),
        }),
      ],
      patienceMs: 30_000,
      ...(dice.oneIn(12) ? { leaveAfterBytes: dice.int(1, 3_000) } : {}),
    });
    const logprobs = request['logprobs'] === true;
    const judged = judgeAnswer(received, { mark, logprobs, answered: true });
    count(surface, judged.outcome);
    if (judged.finding !== undefined) found(surface, index, judged.finding);
  }

  async function keepPlaying(surface: Surface, lane: number, lanes: number, pauseMs: number): Promise<void> {
    for (let index = lane; more(); index += lanes) {
      await play(surface, index).catch((error: unknown) => found(surface, index, String(error)));
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }

  async function bystand(): Promise<void> {
    for (let round = 0; more(); round += 1) {
      const what = await runBystander(server, round).catch((error: unknown) => String(error));
      if (what !== undefined) found('bystander', round, what);
      await sleep(500);
    }
  }

  /** The server's log and memory during the campaign. */
  async function watch(): Promise<void> {
    for (;;) {
      const last = !more();
      const log = server.logs();
      const end = log.lastIndexOf('\n') + 1;
      for (const line of log.slice(logRead, end).split('\n')) {
        const leak = leakInLog(line) ?? (/"internal_error"/.test(line) ? 'a bug' : undefined);
        if (leak === undefined) continue;
        const mark = markIn(line);
        const surface = surfaces.find((one) => one === mark?.surface) ?? 'log';
        found(surface, mark?.index ?? 0, `${leak}: ${line.slice(0, 1_000)}`);
      }
      logRead = end;
      const seen = await livez.look();
      waits = {
        probes: waits.probes + seen.probes,
        longestMs: Math.max(waits.longestMs, seen.longestMs),
        failed: waits.failed + seen.failed,
      };
      if (seen.longestMs >= mostWaitMs || seen.failed > 0) {
        const during = [...new Set([...playedBefore, ...playing])].join(' ');
        found('server', 0, `/livez took ${Math.round(seen.longestMs)} ms, ${seen.failed} failed: ${during}`);
      }
      playedBefore = [...playing];
      peakBytes = Math.max(peakBytes, residentBytes(server.pid));
      if (last) return;
      await sleep(200);
    }
  }

  if (only !== undefined) {
    await play(only.surface, only.index);
  } else {
    const lanes = 4 * Math.max(1, Math.min(2, availableParallelism()));
    await Promise.all([
      ...Array.from({ length: lanes }, (_, lane) => keepPlaying('client', lane, lanes, 0)),
      ...Array.from({ length: lanes }, (_, lane) => keepPlaying('upstream', lane, lanes, 0)),
      keepPlaying('config', 0, 1, 5),
      keepPlaying('reload', 0, 1, 400),
      bystand(),
      watch(),
    ]);
  }
  await watchOnce();
  return { seed, cases, outcomes, findings, waits, peakBytes };

  /** The log lines of the last requests come after their answers. */
  async function watchOnce(): Promise<void> {
    await sleep(500);
    await watch();
  }
}
