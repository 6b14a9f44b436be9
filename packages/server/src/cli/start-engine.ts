import type { Config } from '../config/config.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import { defaultModel } from '../models/default-model.ts';
import { ensureModel } from '../models/ensure-model.ts';
import type { Log } from '../telemetry/log.ts';
import type { CommandIo } from './command-io.ts';

export type StartedEngine =
  | { readonly ok: true; readonly value: Engine }
  | {
      readonly ok: false;
      readonly failure: {
        readonly message: string;
        readonly exitCode: 1 | 2;
        /** True where the operator named something that is wrong: starting without it would hide that. */
        readonly fatal: boolean;
      };
    };

/** Finds or fetches the model files, starts the engine's process and waits until every model is loaded. */
export async function startEngine(
  config: Config,
  io: CommandIo,
  log: Log,
  signal: AbortSignal,
): Promise<StartedEngine> {
  return { ok: false, failure: { message: '', exitCode: 1, fatal: false } };
}
