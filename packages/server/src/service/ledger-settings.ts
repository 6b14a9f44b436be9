import type { Config } from '../config/config.ts';
import type { LedgerSettings } from '../ledger/settings.ts';
import { storeName } from '../storage/store-name.ts';

/** `address`: where the service listens. */
export function ledgerSettings(
  { server, storage, limits, usage, logging }: Config,
  address: string,
): Omit<LedgerSettings, 'processIds'> {
  const { databaseUrl, redisUrl, retentionMs, spoolBytes } = storage;
  const { onStoreFailure, replicas } = limits;
  return {
    dataDir: server.dataDir,
    address,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
    ...(server.publicUrl === undefined ? {} : { publicUrl: server.publicUrl }),
    ...(usage.webhook === undefined ? {} : { webhook: usage.webhook }),
    contentRetentionMs: logging.contentRetentionMs,
    ...{ retentionMs, spoolBytes, onStoreFailure, replicas },
  };
}

/** The store of a configuration in words. */
export function storeOf({ server, storage }: Config): string {
  return storeName({ dataDir: server.dataDir, databaseUrl: storage.databaseUrl });
}
