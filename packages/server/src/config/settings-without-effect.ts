import type { Config } from './config.ts';

/**
 * Settings that are read and checked but have no effect yet. A start warns of them: an operator must not rely on a limit
 * that the server does not keep. Delete the row of a setting when you implement it.
 */
const rows: readonly { readonly setting: string; readonly isSet: (config: Config) => boolean }[] = [
  { setting: 'telemetry.metrics', isSet: ({ telemetry }) => telemetry.metrics !== 'auto' },
];

/** The names of all these settings; the reference page lists them. */
export const settingsWithoutEffect: readonly string[] = rows.map(({ setting }) => setting);

/** A warning for each setting of this configuration that has no effect in this version. */
export function warningsWithoutEffect(config: Config): readonly string[] {
  const settings = rows.filter(({ isSet }) => isSet(config)).map(({ setting }) => setting);
  return settings.map((setting) => `${setting} is accepted, but has no effect in this version`);
}
