import { randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

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
  await makeFolder(dataDir);
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

/**
 * Makes a folder and what leads to it. Not by `recursive: true`: that never returns where a file system says
 * that a folder is missing and that it cannot be made (/proc does).
 */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    const parent = dirname(folder);
    if (code !== 'ENOENT' || parent === folder || (await exists(parent))) throw error;
    await makeFolder(parent);
    await mkdir(folder, { mode: 0o700 });
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
