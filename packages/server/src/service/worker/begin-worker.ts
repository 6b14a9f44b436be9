import type { SignIns } from '../../access/sign-ins.ts';
import { newRequestId } from '../../app.ts';
import type { Ask } from '../../channels/calls.ts';
import type { Link } from '../../channels/link.ts';
import { objectChannel } from '../../channels/object-channel.ts';
import type { Config } from '../../config/config.ts';
import type { Environment } from '../../config/environment.ts';
import { freeze } from '../../config/freeze.ts';
import { createRemoteEngine } from '../../engine/remote/remote-engine.ts';
import type { HttpServer } from '../../http/server.ts';
import type { Journal } from '../../journal/contract.ts';
import { createRemoteJournal } from '../../journal/remote/remote-journal.ts';
import type { Peers } from '../../peers/contract.ts';
import { createRemotePeers } from '../../peers/remote/remote-peers.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ParentCalls, WorkerStart } from '../between/calls.ts';
import { channels } from '../between/channels.ts';
import { upstreamsOf } from '../config-upstreams.ts';
import { createListener } from '../listener.ts';
import { errorPayload, openJournal } from '../open-journal.ts';
import { openPeers } from '../open-peers.ts';
import { lastSpansMs, openTracing } from '../open-tracing.ts';
import { createServiceLog } from '../service-log.ts';
import { createServingRooms, type ServingRooms } from '../serving-rooms.ts';
import { type BorrowedPlaces, borrowedPlaces } from './borrowed-places.ts';
import { LineStream } from './line-stream.ts';
import { joinLedger } from './worker-ledger.ts';

/** A worker that answers requests as a server that starts, until it serves. */
export interface BegunWorker {
  /** Why it cannot serve. */
  readonly problems: readonly string[];
  readonly listener: HttpServer;
  readonly places: BorrowedPlaces;
  /** `engine`: whether the parent has one. To be called once. */
  serve(engine: boolean): Promise<ServingRooms>;
  close(): Promise<void>;
}

export interface WorkerSurroundings {
  readonly env: Environment;
  readonly link: Link;
  readonly ask: Ask<ParentCalls>;
  readonly signIns: SignIns;
}

export async function beginWorker(
  { number, served, terminal, places: first }: WorkerStart,
  { env, link, ask, signIns }: WorkerSurroundings,
): Promise<BegunWorker> {
  // A copy, and copies are not frozen.
  const config = freeze(served.config);
  const output = new LineStream(link, terminal);
  const { log, onSecrets } = createServiceLog(config, served.keys, output, { worker: number });
  let rooms: ServingRooms | undefined;
  let serves = false;
  const listener = createListener(() => (serves ? rooms?.handle : undefined), { log, newRequestId });
  const ledger = await joinLedger(link, ask, log);
  const { journal, peers } = await openShared(() => rooms?.config() ?? config, { link, log });
  const upstreams = await upstreamsOf(config, env, log);
  const tracing = await openTracing(config, log);
  const places = borrowedPlaces(first, {
    borrow: () => ask('borrowPlaces', undefined),
    used: () => rooms?.running() ?? 0,
  });

  return {
    problems: upstreams.problems,
    listener,
    places,
    async serve(engine) {
      rooms = createServingRooms({
        config,
        signIns,
        journal,
        engine: engine ? createRemoteEngine(objectChannel(link.channel(channels.engine))) : undefined,
        log,
        upstreams,
        keys: served.keys,
        ledger,
        tracing,
        peers,
        everywhere: { runs: () => ask('runs', undefined), targets: () => ask('targets', undefined) },
        series: { read: (query) => ask('series', query) },
        metrics: () => ask('metrics', undefined),
        processName: `worker-${number}`,
        places,
        sharers: config.server.workers,
        createUpstreams: (next, before) => upstreamsOf(next, env, log, before),
        onSecrets,
        reload: () => ask('reload', undefined),
      });
      await rooms.keysRead;
      serves = true;
      return rooms;
    },
    async close() {
      listener.destroy();
      const lastSpans = tracing?.close(lastSpansMs);
      await journal.close();
      await peers.close();
      await ledger.close();
      await lastSpans;
    },
  };
}

/** What all processes of the service share besides the ledger: through their parent, or with Redis as replicas do. */
async function openShared(
  config: () => Config,
  { link, log }: { readonly link: Link; readonly log: Log },
): Promise<{ readonly journal: Journal; readonly peers: Peers }> {
  const { redisUrl } = config().storage;
  if (redisUrl !== undefined)
    return { journal: await openJournal(config, log), peers: await openPeers(redisUrl, log) };
  return {
    journal: createRemoteJournal(objectChannel(link.channel(channels.journal)), { errorPayload }),
    peers: createRemotePeers(objectChannel(link.channel(channels.peers))),
  };
}
