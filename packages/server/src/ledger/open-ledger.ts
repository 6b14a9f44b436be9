import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { GuardedLimiter } from '../limits/contract.ts';
import { createMemoryLimiter } from '../limits/memory/memory-limiter.ts';
import type { Store } from '../storage/contract.ts';
import type { StoreOpening } from '../storage/opening.ts';
import { openSqliteStore } from '../storage/sqlite/open-sqlite-store.ts';
import { createLedgerHost, type LedgerHost } from './host.ts';
import type { LedgerLog } from './ledger-log.ts';
import { spoolFolder } from './recover-records.ts';
import type { LedgerSettings } from './settings.ts';
import { openSpool } from './spool/spool.ts';
import { createWebhook, type Webhook } from './webhook.ts';

export type OpenedLedger =
  | { readonly ok: true; readonly host: LedgerHost }
  | { readonly ok: false; readonly message: string; readonly wrong: boolean };

/** Opens the store, the limiter, the spool and the webhook of a service, and joins them. The caller closes the host. */
export async function openLedger(settings: LedgerSettings, log: LedgerLog): Promise<OpenedLedger> {
  let lost = false;
  const opened = await openStoreOf(settings, (isLost) => {
    lost = isLost;
    if (lost) log.error(lostDatabase, { folder: settings.dataDir });
    else log.info('the database file is back in its place');
  });
  if (!opened.ok) return { ok: false, message: opened.message, wrong: opened.reason === 'refused' };
  const { store } = opened;
  const serviceId = `service_${randomBytes(8).toString('hex')}`;
  const opening = openSpool({
    folder: spoolFolder(settings.dataDir),
    name: serviceId,
    maxBytes: settings.spoolBytes,
    onProblem: (problem, error) =>
      log.error('the spool has a problem', {
        problem,
        ...(error === undefined ? {} : { reason: error instanceof Error ? error.message : String(error) }),
      }),
  });
  if (!opening.ok) {
    await store.close();
    return { ok: false, message: `the spool cannot be opened: ${opening.message}`, wrong: false };
  }
  const { spool } = opening;
  let webhook: Webhook | undefined;
  const host = createLedgerHost({
    store,
    shared: settings.databaseUrl !== undefined,
    limiter: await openLimiter(settings, log),
    spool,
    spoolLimitBytes: settings.spoolBytes,
    log,
    retentionMs: settings.retentionMs,
    contentRetentionMs: settings.contentRetentionMs,
    returning: settings.processIds,
    refuses: () => lost,
    webhookState: () => webhook?.state(),
    now: Date.now,
    // A group is what came in one message. Where the store is asked for each group, it is what came in a turn of the event loop.
    later: settings.databaseUrl === undefined ? queueMicrotask : setImmediate,
    every: (ms, work) => {
      const timer = setInterval(work, ms);
      return () => clearInterval(timer);
    },
  });
  await host.recover();
  webhook = await openWebhook(settings, store, serviceId, log);
  return {
    ok: true,
    host: {
      ...host,
      async close() {
        await webhook?.close();
        await host.close();
      },
    },
  };
}

const lostDatabase =
  'the database file was deleted or replaced while it is in use: new requests are refused; stop this server, put the file back, and start it again';

/** The code for PostgreSQL is loaded only where it is used. */
async function openStoreOf(
  { databaseUrl, dataDir, address, webhook }: LedgerSettings,
  onLost: (lost: boolean) => void,
): Promise<StoreOpening> {
  const outbox = webhook !== undefined;
  if (databaseUrl === undefined) {
    const holder = { pid: process.pid, ...(address === undefined ? {} : { address }) };
    return openSqliteStore({ dataDir, now: Date.now, outbox, threads: true, holder, onLost });
  }
  const { openPostgresStore } = await import('../storage/postgres/open-postgres-store.ts');
  return openPostgresStore({ url: databaseUrl, outbox });
}

async function openLimiter(settings: LedgerSettings, log: LedgerLog): Promise<GuardedLimiter> {
  const { redisUrl, onStoreFailure, replicas } = settings;
  const inMemory = createMemoryLimiter({ now: () => performance.now() });
  if (redisUrl === undefined) return inMemory;
  const { openRedisLimiter } = await import('../limits/redis/redis-limiter.ts');
  const { guardLimiter } = await import('../limits/guarded-limiter.ts');
  return guardLimiter(await openRedisLimiter({ url: redisUrl }), {
    onStoreFailure,
    replicas,
    share: inMemory,
    onAway: (error) =>
      log.warn('Redis does not answer; limits are decided without it', {
        reason: error instanceof Error ? error.message : String(error),
        on_store_failure: onStoreFailure,
      }),
    onBack: () => log.info('Redis answers again'),
  });
}

async function openWebhook(
  { webhook, publicUrl }: LedgerSettings,
  store: Store,
  holder: string,
  log: LedgerLog,
): Promise<Webhook | undefined> {
  if (webhook === undefined) return undefined;
  const { createWebhookPoster } = await import('./webhook-post.ts');
  const poster = createWebhookPoster(webhook);
  const delivery = createWebhook({
    store,
    holder,
    source: publicUrl ?? 'tailrace',
    post: poster.post,
    log,
    now: Date.now,
    monotonic: () => performance.now(),
    random: Math.random,
    wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
  });
  return {
    ...delivery,
    async close() {
      await delivery.close();
      // An open connection would keep the thread alive.
      await poster.close();
    },
  };
}
