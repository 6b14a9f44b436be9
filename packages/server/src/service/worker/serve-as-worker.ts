import type { Duplex } from 'node:stream';
import { createCalls } from '../../channels/calls.ts';
import { createLink } from '../../channels/link.ts';
import { objectChannel } from '../../channels/object-channel.ts';
import type { Environment } from '../../config/environment.ts';
import { freeze } from '../../config/freeze.ts';
import type { ParentCalls, WorkerCalls } from '../between/calls.ts';
import { channels } from '../between/channels.ts';
import type { PreparedConfig, ServingRooms } from '../serving-rooms.ts';
import { type BegunWorker, beginWorker } from './begin-worker.ts';
import { type TakeConnection, takeConnections } from './take-connections.ts';
import { createWorkerSignIns } from './worker-sign-ins.ts';

export interface WorkerOptions {
  readonly env: Environment;
  /** The link to the parent. */
  readonly socket: Duplex;
  /** Calls `take` with each connection that the parent gives to this process, and its number. */
  onConnection(take: TakeConnection): void;
}

/**
 * The life of a worker: it does what its parent asks, and resolves when the parent closes the link or has ended. Then its
 * process ends at once: what is open is closed by the ledger, or by the next start.
 */
export async function serveAsWorker({ env, socket, onConnection }: WorkerOptions): Promise<void> {
  const link = createLink(socket);
  const begun = Promise.withResolvers<BegunWorker>();
  const serving = Promise.withResolvers<ServingRooms>();
  let rooms: ServingRooms | undefined;
  let prepared: PreparedConfig | undefined;

  const own: WorkerCalls = {
    async begin(start) {
      signIns.learn(start.endedSessions);
      const worker = await beginWorker(start, { env, link, ask, signIns });
      const notes = objectChannel(link.channel(channels.connections));
      takeConnections(worker.listener, { send: (note) => notes.send(note), onConnection });
      begun.resolve(worker);
      return worker.problems;
    },
    async serve({ engine }) {
      rooms = await (await begun.promise).serve(engine);
      serving.resolve(rooms);
    },
    // A worker that has just been started may be asked before it serves.
    async prepare({ config, ...next }) {
      prepared = await (await serving.promise).prepare({ ...next, config: freeze(config) });
      return prepared.problems;
    },
    commit: async () => prepared?.commit(),
    discard: async () => prepared?.discard(),
    alive: () => {},
    running: () => rooms?.running() ?? 0,
    runs: async () => rooms?.view.runs() ?? [],
    targets: async () => rooms?.view.targets() ?? [],
    reading: () => rooms?.reading(),
    drain: async () => rooms?.drain(),
    stopAll: () => rooms?.stopAll(),
    returnPlaces: async () => (await begun.promise).places.giveBack(),
    sessionEnded: (session) => signIns.learn([session]),
    close: async () => (await begun.promise).close(),
  };
  const ask = createCalls<ParentCalls>(objectChannel(link.channel(channels.calls)), own);
  const signIns = createWorkerSignIns(ask);
  await link.closed;
}
