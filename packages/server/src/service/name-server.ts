import type { Config } from '../config/config.ts';
import type { Log } from '../telemetry/log.ts';
import { storeOf } from './ledger-settings.ts';
import { localUrl, writeServerFile } from './server-file.ts';

/** Commands find this server by the file; without it they still find the lock of the data folder. */
export async function nameServer(
  config: Config,
  port: number,
  log: Log,
  { starting }: { readonly starting: boolean },
): Promise<void> {
  const { listen, dataDir } = config.server;
  const file = { pid: process.pid, url: localUrl(listen, port), store: storeOf(config), starting };
  try {
    await writeServerFile(dataDir, file);
  } catch (error) {
    // Said once, when the server serves.
    if (starting) return;
    const reason = error instanceof Error ? error.message : String(error);
    log.warn('the data folder cannot be written; commands will not find this server', { reason });
  }
}
