import { createKeyAdministration } from '../access/administration/key-administration.ts';
import { createAuthenticator } from '../access/authenticator.ts';
import { createFixedKeys } from '../access/fixed-keys.ts';
import { issueKey } from '../access/issued-key.ts';
import { makeFolder, readKeyFile } from '../access/key-files.ts';
import { noStoredKeys } from '../access/stored-keys.ts';
import { newRequestId } from '../app.ts';
import type { Config } from '../config/config.ts';
import { createBodyBudget } from '../http/body-budget.ts';
import { noCors } from '../http/cors.ts';
import { createHandler } from '../http/handler.ts';
import { adminKeyRoutes } from '../http/routes/admin-keys.ts';
import { usageRoutes } from '../http/routes/usage.ts';
import { createHttpServer } from '../http/server.ts';
import { recoverRecords, somethingWaits } from '../ledger/recover-records.ts';
import { createUsageReport } from '../metering/usage-report/usage-report.ts';
import { openStore, openStoreReader } from '../storage/open-store.ts';
import { storeName } from '../storage/store-name.ts';
import { dataDirProblem } from './system-problem.ts';

/** The administration of a store that no server has open, for one command. */
export type OpenedAdministration =
  | {
      readonly ok: true;
      readonly url: string;
      readonly adminKey: string;
      /** `in`, and the store in words. */
      readonly where: string;
      close(): Promise<void>;
    }
  /** `missing`: there is no store, and none was made. */
  | { readonly ok: false; readonly message: string; readonly missing: boolean };

export interface OpenOptions {
  /** Whether a store is made where there is none; default: that is a failure. */
  readonly creates: boolean;
  /** Receives what the operator should know of the store. */
  note(line: string): void;
}

const bodyBytes = 1024 ** 2;
const loopback = { host: '127.0.0.1', port: 0, loopback: true };

/**
 * Opens the store of a configuration and serves its keys, owners and usage on a free port of this machine, with a key that
 * only this process knows. So a command without a server makes the same calls, and gets the same answers, as with one. What a
 * killed server has left in the spool is stored first. The caller closes it.
 */
export async function openAdministration(
  config: Config,
  { creates, note }: OpenOptions,
): Promise<OpenedAdministration> {
  const { server, storage, usage, auth } = config;
  const { databaseUrl, spoolBytes } = storage;
  const place = { dataDir: server.dataDir, ...(databaseUrl === undefined ? {} : { databaseUrl }) };
  const reader = await openStoreReader({ ...place, now: Date.now });
  const isNew = !reader.ok && reader.reason === 'missing';
  if (reader.ok) await reader.reader.close();
  else if (!isNew || !creates) return { ok: false, message: reader.message, missing: isNew };
  try {
    if (databaseUrl === undefined) await makeFolder(server.dataDir);
  } catch (error) {
    return { ok: false, message: dataDirProblem(error, server.dataDir), missing: false };
  }
  const opened = await openStore({
    ...place,
    now: Date.now,
    outbox: usage.webhook !== undefined,
    holder: { pid: process.pid },
  });
  if (!opened.ok) {
    const message =
      opened.holder === undefined
        ? opened.message
        : `${server.dataDir} is used by ${opened.holder}, and no server answers there yet; try again in a moment`;
    return { ok: false, message, missing: false };
  }
  const { store } = opened;
  const name = storeName(place);
  if (isNew) note(`made a new store: ${name}`);
  // A machine that only administers a PostgreSQL gets no spool.
  if (databaseUrl === undefined ? !isNew : somethingWaits(server.dataDir)) {
    const shared = databaseUrl !== undefined;
    const problem = await recoverRecords({
      store,
      shared,
      dataDir: server.dataDir,
      spoolBytes,
      note,
      now: Date.now,
    });
    if (problem !== undefined) note(problem);
  }
  const { key: adminKey } = issueKey('');
  const administration = createKeyAdministration({
    ledger: store,
    fixed: createFixedKeys(await fixedKeys(config), auth.keyPrefix).list,
    keyPrefix: auth.keyPrefix,
    now: Date.now,
  });
  const handle = createHandler({
    routes: [
      ...adminKeyRoutes(
        administration,
        createBodyBudget(() => bodyBytes),
      ),
      ...usageRoutes(createUsageReport({ reads: store, now: Date.now })),
    ],
    authenticator: createAuthenticator({
      fixed: createFixedKeys({ apiKeys: [], adminKeys: [adminKey] }, ''),
      stored: noStoredKeys,
      keyPrefix: auth.keyPrefix,
      required: true,
      limits: {},
      now: Date.now,
    }),
    cors: noCors,
    ownHostsOnly: true,
    clientWriteMs: config.timeouts.clientWriteMs,
    newRequestId,
    onDone: () => {},
  });
  const http = createHttpServer(handle, newRequestId, () => {});
  const close = async () => {
    http.destroy();
    await store.close();
  };
  try {
    const port = await http.listen(loopback);
    return { ok: true, url: `http://127.0.0.1:${port}`, adminKey, where: `in ${name}`, close };
  } catch (error) {
    await close();
    const why = error instanceof Error ? error.message : String(error);
    return {
      ok: false,
      message: `no port of this machine can be opened for this command: ${why}`,
      missing: false,
    };
  }
}

/** The fixed keys that a server with this configuration would have. Makes none. */
async function fixedKeys({ auth, server }: Config): Promise<{ apiKeys: string[]; adminKeys: string[] }> {
  if (!auth.required) return { apiKeys: [], adminKeys: [] };
  const inFolder = async (name: 'api-key' | 'admin-key') => {
    const file = await readKeyFile(server.dataDir, name);
    return file.ok ? [file.key] : [];
  };
  return {
    apiKeys: auth.apiKeys.length > 0 ? [...auth.apiKeys] : await inFolder('api-key'),
    adminKeys: auth.adminKeys.length > 0 ? [...auth.adminKeys] : await inFolder('admin-key'),
  };
}
