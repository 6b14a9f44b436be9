import { changedSettings } from '../config/changed-settings.ts';
import type { Config } from '../config/config.ts';
import { formatProblem, type ReloadProblem } from '../config/config-problem.ts';
import type { LoadedConfig, Reload } from '../config/load-config.ts';
import { settingsThatNeedRestart } from '../config/needs-restart.ts';
import type { Reloaded } from '../http/routes/admin-reload.ts';
import type { Log } from '../telemetry/log.ts';

import { createReloadQueue, type ReloadQueue } from './reload-queue.ts';
import type { FoundKeys, ServingKeys } from './serving-keys.ts';
import type { ServedConfig } from './serving-processes.ts';
import { type PreparedConfig, shuttingDown } from './serving-rooms.ts';

export interface ReloadDeps {
  readonly log: Log;
  inForce(): ServedConfig;
  load(inForce: Reload): Promise<LoadedConfig>;
  keysForReload(config: Config, inForce: ServingKeys): Promise<FoundKeys>;
  prepare(next: ServedConfig): Promise<PreparedConfig>;
  /** Called right before a configuration is committed: from then on it is the one in force. */
  onInForce(next: ServedConfig): void;
}

/** The reloads of a service: each reads the configuration, checks it, has it prepared, and puts it in force as a whole, or changes nothing. */
export function createReloads(deps: ReloadDeps): ReloadQueue<Reloaded> {
  return createReloadQueue(() => reload(deps));
}

/** The answer of a reload that has changed nothing because the server ends. */
export const refusedByShutdown: Reloaded = refused([{ message: shuttingDown }]);

async function reload(deps: ReloadDeps): Promise<Reloaded> {
  const { log } = deps;
  const reloaded = await reloadOnce(deps).catch((error: unknown) =>
    refused([{ message: error instanceof Error ? error.message : String(error) }]),
  );
  const { problems, warnings } = reloaded;
  if (problems.length === 0) log.info('configuration reloaded');
  for (const warning of warnings) log.warn(warning);
  for (const problem of problems)
    log.error('configuration not reloaded', { problem: formatProblem(problem) });
  return reloaded;
}

async function reloadOnce(deps: ReloadDeps): Promise<Reloaded> {
  const { config, keys, fileHasContent } = deps.inForce();
  const loaded = await deps.load({ fileHasContent });
  if (!loaded.ok) return refused(loaded.problems);
  // Without its file the server would serve only the default model. The file may also be missing for a moment, while a
  // program replaces it.
  if (config.file !== undefined && loaded.config.file === undefined) {
    return refused([{ message: `cannot read ${config.file}: there is no such file any more` }]);
  }
  const fixed = settingsThatNeedRestart(config, loaded.config);
  if (fixed.length > 0)
    return refused(
      fixed.map((path) => ({ path, message: `${path} cannot change while the server runs; restart it` })),
    );
  const found = await deps.keysForReload(loaded.config, keys);
  if (!found.ok) return refused(messages(found.problems));
  const { environmentValues } = loaded;
  const next = {
    config: loaded.config,
    environmentValues,
    fileHasContent: loaded.fileHasContent,
    keys: found.keys,
  };
  const prepared = await deps.prepare(next);
  if (prepared.problems.length > 0) {
    await prepared.discard();
    return refused(messages(prepared.problems));
  }
  deps.onInForce(next);
  await prepared.commit();
  return {
    problems: [],
    changed: changedSettings(config, loaded.config),
    warnings: [...found.warnings, ...loaded.warnings],
  };
}

function messages(problems: readonly string[]): readonly ReloadProblem[] {
  return problems.map((message) => ({ message }));
}

/** The answer of a reload that has changed nothing. */
function refused(problems: readonly ReloadProblem[]): Reloaded {
  return { problems, changed: [], warnings: [] };
}
