import { asciiJson } from '@tailrace/protocol';
import type { Config } from '../../config/config.ts';
import { maskedConfig } from '../../config/masked-config.ts';
import { settingsOfTheStart } from '../../config/needs-restart.ts';
import { replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

/** `GET /admin/v1/config`: the configuration in force, by the keys of its file, with its secrets masked. */
export function adminConfigRoute(config: Config): Route {
  return {
    method: 'GET',
    path: '/admin/v1/config',
    access: 'admin',
    handle: (exchange) =>
      replyJson(
        exchange,
        200,
        asciiJson({
          file: config.file ?? null,
          cache_dir: config.server.cacheDir,
          set_by: config.origins,
          restart: settingsOfTheStart,
          config: maskedConfig(config),
        }),
      ),
  };
}
