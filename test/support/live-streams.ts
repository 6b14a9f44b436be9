import type { TestServer } from './server.ts';
import { until } from './until.ts';

export interface LiveStream {
  readonly id: string;
  readonly key_id: string;
  readonly model: string;
  readonly target: string | null;
  readonly created_at: string | number;
}

/** What runs now, as the administrator sees it. */
export async function liveStreams(server: TestServer): Promise<LiveStream[]> {
  const response = await fetch(`${server.baseUrl}/admin/v1/streams?limit=1000`, {
    headers: { authorization: `Bearer ${server.adminKey}` },
  });
  if (response.status !== 200) throw new Error(`/admin/v1/streams answered ${response.status}`);
  const list = (await response.json()) as { data: LiveStream[] };
  return list.data;
}

/** Waits until `count` streams run. */
export async function untilLive(server: TestServer, count: number, withinMs = 10_000): Promise<LiveStream[]> {
  let seen: LiveStream[] = [];
  return until(`${count} live streams (${JSON.stringify(seen)})`, withinMs, async () => {
    seen = await liveStreams(server);
    return seen.length === count ? seen : undefined;
  });
}

/** Waits until an abandoned stream is gone. */
export async function untilNoneLive(server: TestServer, withinMs = 5_000): Promise<void> {
  await untilLive(server, 0, withinMs);
}
