import { randomBytes } from 'node:crypto';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { maxTextBytes, readTextFile } from '../config/read-text-file.ts';

export type KeyFileName = 'api-key' | 'admin-key';

export type KeyFile =
  | { readonly ok: true; readonly file: string; readonly key: string }
  /** `blank`: the file is missing or empty. `unfit`: its content is not a key. */
  | {
      readonly ok: false;
      readonly file: string;
      readonly reason: 'blank' | 'unfit';
      readonly message: string;
    };

/** A key that a header can hold. A file with other content is damaged, or is not a key file. */
const keyForm = /^[\x21-\x7e]{1,512}$/;

/** Reads the key of that name from the data folder. Writes nothing. */
export async function readKeyFile(dataDir: string, name: KeyFileName): Promise<KeyFile> {
  const file = join(dataDir, name);
  const read = await readTextFile(file, { maxBytes: maxTextBytes, settled: true });
  if (!read.ok) {
    const reason = read.reason === 'missing' ? 'blank' : 'unfit';
    return { ok: false, file, reason, message: read.message };
  }
  const key = read.text.trim();
  if (key === '') return { ok: false, file, reason: 'blank', message: 'it is empty' };
  if (keyForm.test(key)) return { ok: true, file, key };
  const message = 'expected one key on one line: printable ASCII without blanks, 512 characters at most';
  return { ok: false, file, reason: 'unfit', message };
}

/**
 * Reads the key of that name from the data folder; where there is none, it makes one (mode 0600). Rejects with the file
 * system's error where the folder cannot be used.
 */
export async function keyFromFile(dataDir: string, name: KeyFileName, prefix: string): Promise<KeyFile> {
  const file = join(dataDir, name);
  await makeFolder(dataDir);
  const key = prefix + randomBytes(24).toString('base64url');
  try {
    // wx: of two servers that start at once only one may write, so that both use the same key.
    await writeFile(file, `${key}\n`, { mode: 0o600, flag: 'wx' });
    return { ok: true, file, key };
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
  }
  const stored = await readKeyFile(dataDir, name);
  if (stored.ok || stored.reason === 'unfit') return stored;
  // The file is empty where an earlier start ended between making and writing it.
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return { ok: true, file, key };
}

/**
 * Makes a folder and its parents. Not with `recursive: true`, which never returns on a file system that says both that a
 * folder is missing and that it cannot be made, as /proc does.
 */
export async function makeFolder(folder: string): Promise<void> {
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
