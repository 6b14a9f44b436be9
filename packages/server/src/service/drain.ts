import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import type { Shutdown } from './shutdown.ts';

/** How long the error events of stopped streams have to leave. A slower reader has had the whole drain. */
const lastBytesMs = 500;

/**
 * At a second signal, or at the end of the drain, it stops every stream and waits `lastBytesMs` for the last bytes.
 */
export async function drain(
  service: { drain(): Promise<void>; stopAll(): void },
  { timeouts }: Config,
  { forced }: Shutdown,
): Promise<void> {
  const drained = service.drain();
  await Promise.race([drained, forced, delay(timeouts.drainMs, undefined, { ref: false })]);
  service.stopAll();
  await Promise.race([drained, delay(lastBytesMs, undefined, { ref: false })]);
}
