import type { Log } from '../telemetry/log.ts';
import type { ModelSpec } from './default-model.ts';
import type { Patience } from './http-client.ts';
import type { Environment, Machine } from './machine.ts';
import type { ModelSourceSettings } from './source-settings.ts';

/** The input of every source. A source makes files only in `cacheDir`, with names that begin with the model's. */
export interface SourceContext {
  readonly spec: ModelSpec;
  readonly cacheDir: string;
  readonly env: Environment;
  readonly machine: Machine;
  readonly settings: ModelSourceSettings;
  readonly patience: Patience;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called with the bytes of the present download. It may be a wheel, which is a little smaller than the model. */
  onBytes(source: string, receivedBytes: number, totalBytes: number | undefined): void;
}

/** A file with its final content, which the caller renames to its final name. */
export interface StagedModel {
  readonly file: string;
  readonly sha256: string;
  /** For messages: `Python index files.example.org`. */
  readonly source: string;
}
