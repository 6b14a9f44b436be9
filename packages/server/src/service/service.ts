import type { Config } from '../config/config.ts';
import type { LoadedConfig, Reload } from '../config/load-config.ts';
import type { Reloaded } from '../http/routes/admin-reload.ts';
import { recordSeries } from '../telemetry/series/record-series.ts';
import { createReloads, refusedByShutdown } from './reload-config.ts';
import type { FoundKeys, ServingKeys } from './serving-keys.ts';
import type { ServedConfig } from './serving-processes.ts';
import { createServingRooms, type ServingRooms, type ServingRoomsParts } from './serving-rooms.ts';
import { systemTime } from './system-time.ts';

export interface ServiceParts extends Omit<ServingRoomsParts, 'reload' | 'series'> {
  /** Whether the file of this configuration sets anything. */
  readonly fileHasContent: boolean;
  /** Reads flags, environment and file again. `inForce`: facts about the file that is in force then. */
  load(inForce: Reload): Promise<LoadedConfig>;
  /** The fixed keys that a configuration puts in the place of those in force. */
  keysForReload(config: Config, inForce: ServingKeys): Promise<FoundKeys>;
}

/** A service of one process: its rooms, and the reloads of its configuration. */
export interface Service extends Omit<ServingRooms, 'prepare' | 'view' | 'reading'> {
  /**
   * Reads the configuration and puts it in force as a whole; where it has a problem, it changes nothing and returns the
   * problems. Never rejects. Once a shutdown has begun, it changes nothing and resolves at once.
   */
  reload(): Promise<Reloaded>;
}

export function createService({ fileHasContent, load, keysForReload, ...parts }: ServiceParts): Service {
  const { config, keys, log } = parts;
  let inForce: ServedConfig = { config, keys, fileHasContent, environmentValues: [] };
  const reloads = createReloads({
    log,
    inForce: () => inForce,
    load,
    keysForReload,
    prepare: (next) => rooms.prepare(next),
    onInForce(next) {
      inForce = next;
    },
  });
  const series = recordSeries({ ...systemTime, sources: () => [{ id: 'own', reading: rooms.reading() }] });
  const rooms = createServingRooms({ ...parts, series, reload: reloads.request });
  return {
    handle: rooms.handle,
    keysRead: rooms.keysRead,
    reload: reloads.request,
    running: rooms.running,
    config: rooms.config,
    async drain() {
      reloads.close(refusedByShutdown);
      await rooms.drain();
      series.stop();
    },
    stopAll() {
      reloads.close(refusedByShutdown);
      rooms.stopAll();
      series.stop();
    },
  };
}
