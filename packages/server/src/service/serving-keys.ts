import { isAbsolute } from 'node:path';
import { type KeyFile, type KeyFileName, keyFromFile, readKeyFile } from '../access/key-files.ts';
import type { Config } from '../config/config.ts';

/** The fixed keys in force. */
export interface ServingKeys {
  readonly apiKeys: readonly string[];
  readonly adminKeys: readonly string[];
  /** Where a client finds the API key. */
  readonly shown: ShownKey;
  /** The file of the generated admin key; undefined where the configuration gives one. */
  readonly adminFile: string | undefined;
}

/** Where a client finds the API key: in a file of the data folder, in the configuration, or none is asked for. */
export type ShownKey =
  | { readonly type: 'file'; readonly file: string; readonly key: string }
  | { readonly type: 'configured' }
  | { readonly type: 'none' };

export type FoundKeys =
  | { readonly ok: true; readonly keys: ServingKeys; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

type KeysConfig = Pick<Config, 'auth' | 'server'>;

/**
 * The fixed keys for a start. For each kind of key these are the configured ones, or else the one in the data folder, which
 * the first start makes. A file there without a valid key is a problem. Rejects with the file system's error where the
 * folder cannot be used.
 */
export async function keysForStart(config: KeysConfig): Promise<FoundKeys> {
  const { auth, server } = config;
  const made = (name: KeyFileName) => keyFromFile(server.dataDir, name, auth.keyPrefix);
  return findKeys(config, async (name) => {
    const file = await made(name);
    return file.ok ? { key: file } : { problem: `${file.file}: ${file.message}; mend it or remove it` };
  });
}

/**
 * The fixed keys for a reload. A reload makes no key and locks no client out: where the file of a key is missing or has no
 * valid key now, the key that was read from it stays in force, with a warning. Where a kind of key is no longer configured
 * and has no file, that is a problem: its old keys must not stay in force.
 */
export function keysForReload(config: KeysConfig, inForce: ServingKeys): Promise<FoundKeys> {
  const kept: Readonly<Record<KeyFileName, string | undefined>> = {
    'api-key': inForce.shown.type === 'file' ? inForce.apiKeys[0] : undefined,
    'admin-key': inForce.adminFile === undefined ? undefined : inForce.adminKeys[0],
  };
  return findKeys(config, async (name) => {
    const file = await readKeyFile(config.server.dataDir, name);
    const key = kept[name];
    const cut = file.ok && key !== undefined && file.key !== key && key.startsWith(file.key);
    if (file.ok && !cut) return { key: file };
    const message = file.ok ? 'it holds only the beginning of the key' : file.message;
    if (key === undefined) {
      const where = name === 'api-key' ? 'auth.api_keys' : 'auth.admin_keys';
      return { problem: `${file.file}: ${message}, and ${where} gives none; put a key into one of them` };
    }
    return {
      key: { ok: true, file: file.file, key },
      warning: `${file.file}: ${message}; the key in force stays`,
    };
  });
}

type GoodFile = Extract<KeyFile, { ok: true }>;

/** A key from the data folder, or the reason why there is none. */
type FromFolder =
  | { readonly key: GoodFile; readonly warning?: string }
  | { readonly key?: undefined; readonly problem: string };

async function findKeys(
  { auth, server }: KeysConfig,
  fromFolder: (name: KeyFileName) => Promise<FromFolder>,
): Promise<FoundKeys> {
  if (!auth.required) {
    const keys = { apiKeys: [], adminKeys: [], shown: { type: 'none' }, adminFile: undefined } as const;
    return { ok: true, keys, warnings: [] };
  }
  if (!isAbsolute(server.dataDir)) throw new Error(`the data folder must be absolute, got ${server.dataDir}`);
  const api = auth.apiKeys.length > 0 ? undefined : await fromFolder('api-key');
  const admin = auth.adminKeys.length > 0 ? undefined : await fromFolder('admin-key');
  const problems = [api, admin].flatMap((found) => (found === undefined || found.key ? [] : [found.problem]));
  if (problems.length > 0) return { ok: false, problems };
  const warnings = [api, admin].flatMap((found) => (found?.key && found.warning ? [found.warning] : []));
  const keys: ServingKeys = {
    apiKeys: api?.key === undefined ? auth.apiKeys : [api.key.key],
    adminKeys: admin?.key === undefined ? auth.adminKeys : [admin.key.key],
    shown:
      api?.key === undefined
        ? { type: 'configured' }
        : { type: 'file', file: api.key.file, key: api.key.key },
    adminFile: admin?.key?.file,
  };
  return { ok: true, keys, warnings };
}
