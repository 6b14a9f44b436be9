import { newRequestId } from '../app.ts';
import type { Journal } from '../journal/contract.ts';
import type { Ledger } from '../ledger/contract.ts';
import { startLedger } from '../ledger/ledger-thread.ts';
import type { Peers } from '../peers/contract.ts';
import type { Tracing } from '../telemetry/traces/contract.ts';
import type { CreatedUpstreams } from '../upstreams/registry.ts';
import { upstreamsOf } from './config-upstreams.ts';
import { createListener } from './listener.ts';
import { openJournal } from './open-journal.ts';
import { openPeers } from './open-peers.ts';
import { lastSpansMs, openTracing } from './open-tracing.ts';
import { createService, type Service } from './service.ts';
import type { ServingParts, ServingProcesses } from './serving-processes.ts';

/** This process answers the requests itself. */
export function createThisProcess(parts: ServingParts): ServingProcesses {
  const { env, log, signIns, load, keysForReload, onSecrets } = parts;
  const { config, fileHasContent, keys } = parts.first;
  let service: Service | undefined;
  let ledger: Ledger | undefined;
  let journal: Journal | undefined;
  let peers: Peers | undefined;
  let upstreams: CreatedUpstreams | undefined;
  let tracing: Tracing | undefined;
  let serves = false;
  const listener = createListener(() => (serves ? service?.handle : undefined), { log, newRequestId });

  return {
    listen: (address) => listener.listen(address),
    async openLedger(settings) {
      const opened = await startLedger(settings, log);
      if (!opened.ok) return opened;
      ledger = opened.ledger;
      peers = await openPeers(config.storage.redisUrl, log);
      return opened;
    },
    async prepare() {
      upstreams = await upstreamsOf(config, env, log);
      const { problems } = upstreams;
      return problems.length === 0 ? { ok: true } : { ok: false, exitCode: 2, message: problems.join('\n') };
    },
    async serve(engine) {
      if (ledger === undefined || peers === undefined || upstreams === undefined)
        throw new Error('nothing is prepared');
      journal = await openJournal(() => service?.config() ?? config, log);
      tracing = await openTracing(config, log);
      service = createService({
        config,
        signIns,
        journal,
        fileHasContent,
        engine,
        log,
        upstreams,
        keys,
        ledger,
        peers,
        tracing,
        load,
        createUpstreams: (next, before) => upstreamsOf(next, env, log, before),
        keysForReload,
        onSecrets,
      });
      await service.keysRead;
      serves = true;
    },
    reload: async () =>
      service?.reload() ?? { problems: [{ message: 'the server is starting' }], changed: [], warnings: [] },
    running: async () => service?.running() ?? 0,
    drain: async () => service?.drain(),
    stopAll: () => service?.stopAll(),
    async close() {
      listener.destroy();
      const lastSpans = tracing?.close(lastSpansMs);
      await journal?.close();
      await peers?.close();
      await ledger?.close();
      await lastSpans;
    },
  };
}
