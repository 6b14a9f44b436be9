import { isAbsolute } from 'node:path';
import { keyFromFile } from '../access/key-files.ts';
import type { Config } from '../config/config.ts';
import type { BannerKey } from './banner.ts';

export interface ServingKeys {
  readonly apiKeys: readonly string[];
  readonly adminKeys: readonly string[];
  /** How the banner shows the API key. */
  readonly shown: BannerKey;
  /** Where a generated admin key lies. */
  readonly adminFile: string | undefined;
}

/**
 * The fixed keys in force: the configured ones, and for each kind without any the one that the first start
 * made in the data folder. Rejects with the file system's error where that folder cannot be used.
 */
export async function servingKeys({ auth, server }: Pick<Config, 'auth' | 'server'>): Promise<ServingKeys> {
  if (!auth.required) return { apiKeys: [], adminKeys: [], shown: { type: 'none' }, adminFile: undefined };
  if (!isAbsolute(server.dataDir)) throw new Error(`the data folder must be absolute, got ${server.dataDir}`);
  const api =
    auth.apiKeys.length > 0 ? undefined : await keyFromFile(server.dataDir, 'api-key', auth.keyPrefix);
  const admin =
    auth.adminKeys.length > 0 ? undefined : await keyFromFile(server.dataDir, 'admin-key', auth.keyPrefix);
  return {
    apiKeys: api === undefined ? auth.apiKeys : [api.key],
    adminKeys: admin === undefined ? auth.adminKeys : [admin.key],
    shown: api === undefined ? { type: 'configured' } : { type: 'file', file: api.file, key: api.key },
    adminFile: admin?.file,
  };
}
