import type { Config } from '../config/config.ts';
import { configSecrets } from '../config/config-secrets.ts';
import { createLog, type LogOptions, type ServerLog } from '../telemetry/create-log.ts';
import { createChangingRedact } from '../telemetry/redact.ts';
import type { ServingKeys } from './serving-keys.ts';

/** The log of a process that serves a configuration, and what must be called before another one comes into force. */
export interface ServiceLog {
  readonly log: ServerLog;
  /** The log masks these secrets and keys from then on, and those of earlier configurations as long as they are remembered. */
  onSecrets(config: Config, keys: ServingKeys): void;
}

/** All that must not come out of a process that serves this configuration. */
export function secretsOf(
  config: Config,
  { apiKeys, adminKeys }: Pick<ServingKeys, 'apiKeys' | 'adminKeys'>,
): readonly string[] {
  return [...configSecrets(config), ...apiKeys, ...adminKeys];
}

export function createServiceLog(
  config: Config,
  keys: ServingKeys,
  output: LogOptions['stream'],
  always?: LogOptions['always'],
): ServiceLog {
  const { redact, replace } = createChangingRedact();
  const onSecrets = (next: Config, nextKeys: ServingKeys) =>
    replace(secretsOf(next, nextKeys), next.auth.keyPrefix);
  onSecrets(config, keys);
  const log = createLog({
    ...config.logging,
    stream: output,
    now: Date.now,
    colour: output.isTTY === true,
    redact,
    ...(always === undefined ? {} : { always }),
  });
  return { log, onSecrets };
}
