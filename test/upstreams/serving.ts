import { expect } from 'vitest';
import { gaugeTotal } from '../../packages/server/src/upstreams/openai/load-text.ts';
import type { LoadSignal } from '../../packages/server/src/upstreams/openai/preset.ts';
import type { Child } from '../support/child.ts';
import { until } from '../support/until.ts';

/** Waits until an engine is ready; throws with what it printed where it has ended instead. */
export async function untilHealthy(
  name: string,
  origin: string,
  child: Child,
  withinMs: number,
): Promise<void> {
  await until(`${name} to serve`, withinMs, async () => {
    if (child.exit() !== undefined) throw new Error(child.stdout() + child.stderr());
    const health = await fetch(`${origin}/health`).catch(() => undefined);
    return health?.ok === true ? true : undefined;
  });
}

/** Waits until so many requests run at an engine and none waits, by the metrics that its preset names. */
export async function untilRequestsRun(
  baseUrl: string,
  load: Required<Pick<LoadSignal, 'path' | 'waiting' | 'running'>>,
  count: number,
): Promise<void> {
  const { origin } = new URL(baseUrl);
  await until(`${count} requests to run at ${origin}`, 20_000, async () => {
    const page = await (await fetch(`${origin}${load.path}`)).text();
    expect(gaugeTotal(page, load.waiting)).toBe(0);
    return gaugeTotal(page, load.running) === count ? true : undefined;
  });
}
