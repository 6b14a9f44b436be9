import { expect, test } from 'vitest';
import { objectChannel } from '../../channels/object-channel.ts';
import { linkedPair } from '../../channels/testing/linked.ts';
import { describeUpstream, readStream } from '../../upstreams/contract.suite.ts';
import { startScenarioEngine } from '../parent/testing/scenario-engine.ts';
import type { FromEngine } from './messages.ts';
import { createRemoteEngine } from './remote-engine.ts';
import { serveEngine } from './serve-engine.ts';

async function startRemote() {
  const { engine, ...harness } = await startScenarioEngine();
  const [near, far] = linkedPair();
  serveEngine(objectChannel(far.channel(2)), engine);
  const upstream = createRemoteEngine(objectChannel(near.channel(2)));
  while (!upstream.ready()) await new Promise((resolve) => setImmediate(resolve));
  return { engine, upstream, ...harness, near, far };
}

describeUpstream('the engine of another process', startRemote);

function callOf(harness: Awaited<ReturnType<typeof startRemote>>, scenario: 'stalls' | 'silent' | 'text') {
  const call = harness.call(scenario);
  if ('cannot' in call) throw new Error(call.cannot);
  return call;
}

test('a process that ends gives the places of its calls back', async () => {
  const remote = await startRemote();
  const { signal } = new AbortController();
  const stalled = readStream(remote.upstream.open(callOf(remote, 'stalls'), signal), 1);
  remote.upstream.open(callOf(remote, 'silent'), signal);
  await expect.poll(() => remote.engine.load().running).toBe(2);
  remote.near.close();
  await remote.released();
  expect((await stalled).ended).toBe('torn');
  expect(remote.upstream.ready()).toBe(false);
  const late = await readStream(remote.upstream.open(callOf(remote, 'text'), signal), 1);
  expect(late.events).toMatchObject([{ type: 'failed', failure: { code: 'upstream_cut' } }]);
  await remote.close();
});

test('what a model takes is known without asking', async () => {
  const remote = await startRemote();
  const { request } = callOf(remote, 'text');
  expect(remote.upstream.contextLength('m')).toBe(100_000);
  expect(remote.upstream.contextLength('other')).toBeUndefined();
  expect(remote.upstream.capabilities('m').has('json_schema')).toBe(true);
  expect(remote.upstream.capabilities('other').size).toBe(0);
  expect(remote.upstream.refuses?.({ ...request, n: 9 }, 'm')).toMatchObject({ param: 'n' });
  await remote.close();
});

test('it is said when the engine loses its child, and when the next one has loaded', async () => {
  const remote = await startRemote();
  const states: boolean[] = [];
  objectChannel(remote.near.channel(3)).onMessage((message) =>
    states.push((message as Extract<FromEngine, { type: 'state' }>).state.ready),
  );
  serveEngine(objectChannel(remote.far.channel(3)), remote.engine);
  remote.crash();
  await expect.poll(() => states).toEqual([true, false, true]);
  await remote.close();
});
