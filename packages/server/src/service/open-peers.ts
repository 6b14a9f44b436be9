import type { Peers } from '../peers/contract.ts';
import { noPeers } from '../peers/no-peers.ts';
import type { Log } from '../telemetry/log.ts';

/**
 * The other processes of the service: those that share its Redis; none without one. The code for Redis is loaded only where it
 * is used. The caller closes them.
 */
export async function openPeers(redisUrl: string | undefined, log: Log): Promise<Peers> {
  if (redisUrl === undefined) return noPeers;
  const { openRedisPeers } = await import('../peers/redis/redis-peers.ts');
  return openRedisPeers({
    url: redisUrl,
    onAway: (error) =>
      log.warn('Redis does not answer; completions that run on other replicas cannot be cancelled here', {
        reason: error.message,
      }),
    onBack: () => log.info('Redis answers again; other replicas can be reached'),
  });
}
