import type { Config } from './config.ts';

/**
 * Settings that are read and checked but do nothing yet, so that a start can say so instead of letting an
 * operator believe in a limit that is not kept. Whoever builds one deletes its row.
 */
const rows: readonly { readonly setting: string; readonly isSet: (config: Config) => boolean }[] = [
  { setting: 'server.workers above 1', isSet: ({ server }) => server.workers > 1 },
  { setting: 'limits.max_streams', isSet: ({ limits }) => limits.maxStreams !== undefined },
  { setting: 'limits.requests_per_minute', isSet: ({ limits }) => limits.requestsPerMinute !== undefined },
  { setting: 'limits.tokens_per_minute', isSet: ({ limits }) => limits.tokensPerMinute !== undefined },
  { setting: 'limits.on_store_failure', isSet: ({ limits }) => limits.onStoreFailure !== 'deny' },
  { setting: 'stream.grace', isSet: ({ stream }) => stream.graceMs !== 30_000 },
  { setting: 'telemetry.metrics', isSet: ({ telemetry }) => telemetry.metrics !== 'auto' },
  { setting: 'storage.database_url', isSet: ({ storage }) => storage.databaseUrl !== undefined },
  { setting: 'storage.redis_url', isSet: ({ storage }) => storage.redisUrl !== undefined },
  { setting: 'storage.retention', isSet: ({ storage }) => storage.retentionMs !== 90 * 86_400_000 },
  {
    setting: 'models.*.price',
    isSet: ({ models }) => [...models.values()].some(({ price }) => price !== undefined),
  },
];

/** Every such setting, for the reference page. */
export const settingsNotInForce: readonly string[] = rows.map(({ setting }) => setting);

/** One sentence for each setting of this configuration that is accepted but not in force in this version. */
export function notInForce(config: Config): readonly string[] {
  const settings = rows.filter(({ isSet }) => isSet(config)).map(({ setting }) => setting);
  return settings.map((setting) => `${setting} is accepted, but not in force in this version`);
}
