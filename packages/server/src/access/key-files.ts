import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface KeyFile {
  readonly file: string;
  readonly key: string;
  /** True when this start made it. */
  readonly created: boolean;
}

/**
 * The key of that name in the data folder, made at the first start (mode 0600) and kept for the next one.
 * Rejects with the file system's own error where the folder cannot be read or written.
 */
export async function keyFromFile(
  dataDir: string,
  name: 'api-key' | 'admin-key',
  prefix: string,
): Promise<KeyFile> {
  const file = join(dataDir, name);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const key = prefix + randomBytes(24).toString('base64url');
  try {
    // wx: two servers that start at once must not end with different keys.
    await writeFile(file, `${key}\n`, { mode: 0o600, flag: 'wx' });
    return { file, key, created: true };
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
  }
  const stored = (await readFile(file, 'utf8')).trim();
  if (stored !== '') return { file, key: stored, created: false };
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return { file, key, created: true };
}
