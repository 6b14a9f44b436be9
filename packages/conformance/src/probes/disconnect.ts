import { answerOf, bodyText } from '../reading/body.ts';
import { viewOf } from '../reading/stream-view.ts';
import { type Exchange, headerOf } from '../wire/exchange.ts';
import type { Probe, ProbeTools } from './probe.ts';
import { longStory, user } from './questions.ts';

const maxTokens = 600;
/** How long a server may take to notice that its client has left. */
const noticeMs = 2_000;

/** Gauges of known engines that count the requests which run. */
const gauges = ['vllm:num_requests_running', 'llamacpp:requests_processing', 'sglang:num_running_reqs'];

/*
 * Leaves a long stream after three events. Whether generation stops then cannot be seen by the client that has left. There are three ways
 * to see it from outside, and the probe takes the first that the endpoint offers:
 *
 *     Tailrace's cancel route     says how the completion ended
 *     a gauge at /metrics         falls back when the request has ended
 *     a second request            which waits for the first, at a server that runs one at a time
 *
 * What was seen stands in `observed` of the exchange; a rule judges it.
 */
export const disconnectProbe: Probe = {
  name: 'disconnect',
  about: 'a long stream that the client leaves',
  requests: 8,
  tokens: maxTokens + 1,
  alone: true,
  async run(tools) {
    const idle = await runningRequests(tools);
    const left = tools.ask(
      'disconnect',
      { messages: longStory, max_tokens: maxTokens, stream: true },
      { leaveAfter: 3 },
    );
    if (headerOf(tools.earlier('stream')?.response ?? noResponse, 'tailrace-completion-id') !== undefined) {
      await askForStatus(tools, await left);
    } else if (idle !== undefined) await watchGauge(tools, await left, idle);
    else await watchQueue(tools, await left);
  },
};

const noResponse = { version: '1.1', status: 0, headers: [], pieces: [] };

async function askForStatus(tools: ProbeTools, { response = noResponse }: Exchange): Promise<void> {
  const id = headerOf(response, 'tailrace-completion-id');
  if (id === undefined) return;
  await tools.wait(noticeMs);
  const answer = await tools.send('disconnect/status', {
    method: 'POST',
    path: `/chat/completions/${id}/cancel`,
  });
  const status = answerOf(answer)['status'];
  tools.observe('disconnect', { way: 'status', status: typeof status === 'string' ? status : 'unknown' });
}

async function runningRequests(tools: ProbeTools): Promise<number | undefined> {
  const page = await tools.send('disconnect/metrics', { method: 'GET', path: '//metrics' });
  if (page.response?.status !== 200) return undefined;
  const lines = bodyText(page).split('\n');
  const values = lines.flatMap((line) => {
    const [name, value] = [line.split(/[{ ]/, 1)[0] ?? '', Number(line.trim().split(' ').at(-1))];
    return gauges.includes(name) && Number.isFinite(value) ? [value] : [];
  });
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}

async function watchGauge(tools: ProbeTools, left: Exchange, idle: number): Promise<void> {
  const remainingMs = restOf(left);
  const started = performance.now();
  let running = idle + 1;
  for (let looks = 0; looks < 5 && running > idle; looks += 1) {
    await tools.wait(looks === 0 ? 200 : noticeMs / 4);
    running = (await runningRequests(tools)) ?? idle;
  }
  tools.observe('disconnect', {
    way: 'gauge',
    stopped: running <= idle ? 'yes' : 'no',
    afterMs: Math.round(performance.now() - started),
    remainingMs,
  });
}

async function watchQueue(tools: ProbeTools, left: Exchange): Promise<void> {
  const remainingMs = restOf(left);
  const started = performance.now();
  const next = await tools.ask('disconnect/second', { messages: user('Hi'), max_tokens: 1 });
  const waitedMs = Math.round(performance.now() - started);
  const usualMs = Math.round(tools.earlier('length/whole')?.response?.endMs ?? 0);
  if (next.response?.status !== 200) return;
  tools.observe('disconnect', { way: 'queue', waitedMs, usualMs, remainingMs });
}

/** How long the rest of the answer would have taken, by the pace of what came. */
function restOf(left: Exchange): number {
  const pieces = left.response?.pieces ?? [];
  const [first, last] = [pieces[0], pieces.at(-1)];
  const { events } = viewOf(left);
  if (first === undefined || last === undefined || events.length < 2) return 0;
  const perEventMs = (last.atMs - first.atMs) / (events.length - 1);
  return Math.round(perEventMs * (maxTokens - events.length));
}
