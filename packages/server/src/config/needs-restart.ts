import type { Config } from './config.ts';

/** What a running server cannot change, by the paths of the file: all of it that {@link settingsThatNeedRestart} compares. */
export const settingsOfTheStart: readonly string[] = [
  'server.listen',
  'server.workers',
  'server.data_dir',
  'engine',
  'logging.format',
  'logging.content_retention',
  'storage.database_url',
  'storage.redis_url',
  'storage.retention',
  'storage.spool',
  'usage.webhook',
  'telemetry.traces',
  'limits.on_store_failure',
  'limits.replicas',
  'auth.required',
];

/**
 * The settings that differ between two configurations and that a running server cannot change: they belong to its socket,
 * its processes, its data folder, its stores, the engine's process, or the form of a log that has begun.
 */
export function settingsThatNeedRestart(before: Config, after: Config): readonly string[] {
  const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
  const engineOf = ({ engine }: Config) => ({ ...engine, models: [...engine.models] });
  const storeOf = ({ storage: { pricesFile: _, ...fixed } }: Config) => fixed;
  return [
    ...(same(before.server.listen, after.server.listen) ? [] : ['server.listen']),
    ...(before.server.workers === after.server.workers ? [] : ['server.workers']),
    ...(before.server.dataDir === after.server.dataDir ? [] : ['server.data_dir']),
    ...(same(engineOf(before), engineOf(after)) ? [] : ['engine']),
    ...(before.logging.format === after.logging.format ? [] : ['logging.format']),
    ...(before.logging.contentRetentionMs === after.logging.contentRetentionMs
      ? []
      : ['logging.content_retention']),
    ...(same(storeOf(before), storeOf(after)) ? [] : ['storage']),
    ...(same(before.usage.webhook, after.usage.webhook) ? [] : ['usage.webhook']),
    ...(same(before.telemetry.traces, after.telemetry.traces) ? [] : ['telemetry.traces']),
    ...(before.limits.onStoreFailure === after.limits.onStoreFailure ? [] : ['limits.on_store_failure']),
    ...(before.limits.replicas === after.limits.replicas ? [] : ['limits.replicas']),
    ...(before.auth.required === after.auth.required ? [] : ['auth.required']),
  ];
}
