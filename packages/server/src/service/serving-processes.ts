import type { OwnSignIns } from '../access/sign-ins.ts';
import type { Config, ListenAddress } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import type { EnvironmentValue } from '../config/environment-values.ts';
import type { LoadedConfig, Reload } from '../config/load-config.ts';
import type { Engine } from '../engine/parent/engine.ts';
import type { Reloaded } from '../http/routes/admin-reload.ts';
import type { LedgerSettings } from '../ledger/settings.ts';
import type { ServerLog } from '../telemetry/create-log.ts';
import type { FoundKeys, ServingKeys } from './serving-keys.ts';

/**
 * The processes that answer requests: this one (`this-process.ts`), or workers, whose parent this one is
 * (`parent/worker-processes.ts`). The methods are called in this order.
 */
export interface ServingProcesses {
  /** Binds the port and answers requests as a server that starts. Rejects with the system's error. Resolves with the real port. */
  listen(address: ListenAddress): Promise<number>;
  openLedger(settings: Omit<LedgerSettings, 'processIds'>): Promise<LedgerOpened>;
  /** Makes the upstreams of the configuration. */
  prepare(): Promise<Prepared>;
  /** Answers requests from now on. */
  serve(engine: Engine | undefined): Promise<void>;
  /**
   * Reads the configuration and puts it in force as a whole; where it has a problem, it changes nothing and returns the
   * problems. Never rejects. Once a shutdown has begun, it changes nothing and resolves at once.
   */
  reload(): Promise<Reloaded>;
  /** The number of runs that have not ended. */
  running(): Promise<number>;
  /**
   * Refuses new requests. Resolves when every run has ended and the last byte of every answer has been sent. Runs that
   * take longer than `timeouts.drain` end with the failure `draining`.
   */
  drain(): Promise<void>;
  /** Ends every run now, with the failure `draining`. */
  stopAll(): void;
  /** Releases everything, after any of the methods. Resolves when every record lies in the store or in the spool. */
  close(): Promise<void>;
}

export type LedgerOpened =
  | { readonly ok: true }
  /** `wrong`: the operator has to change the configuration, or to end another process. */
  | { readonly ok: false; readonly message: string; readonly wrong: boolean };

export type Prepared =
  | { readonly ok: true }
  | { readonly ok: false; readonly exitCode: 1 | 2; readonly message: string };

/** A checked configuration with its keys: what is in force, or what a reload puts in force. It can be sent to another process. */
export interface ServedConfig {
  readonly config: Config;
  readonly environmentValues: readonly EnvironmentValue[];
  /** Whether its file sets anything. */
  readonly fileHasContent: boolean;
  readonly keys: ServingKeys;
}

/** What both kinds of processes are made of. */
export interface ServingParts {
  readonly first: ServedConfig;
  /** The sign-ins of browsers. */
  readonly signIns: OwnSignIns;
  readonly env: Environment;
  readonly log: ServerLog;
  /** Reads flags, environment and file again. `inForce`: facts about the file that is in force then. */
  load(inForce: Reload): Promise<LoadedConfig>;
  /** The fixed keys that a configuration puts in the place of those in force. */
  keysForReload(config: Config, inForce: ServingKeys): Promise<FoundKeys>;
  /** Called before a configuration comes into force. The log must mask its secrets and these keys from then on. */
  onSecrets(config: Config, keys: ServingKeys): void;
}
