import { randomBytes } from 'node:crypto';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { maxTextBytes, readTextFile } from '../config/read-text-file.ts';

export type KeyFileName = 'api-key' | 'admin-key';

export type KeyFile =
  | { readonly ok: true; readonly file: string; readonly key: string }
  /** `blank`: there is none, or nothing in it. `unfit`: what lies there is no key. */
  | {
      readonly ok: false;
      readonly file: string;
      readonly reason: 'blank' | 'unfit';
      readonly message: string;
    };

/** What can stand in a header; a file of another form is cut, or is another file. */
const keyForm = /^[\x21-\x7e]{1,512}$/;

/** The key of that name in the data folder. Writes nothing. */
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
 * The same, made at the first start (mode 0600) and kept for the next one. Rejects with the file system's own
 * error where the folder cannot be used.
 */
export async function keyFromFile(dataDir: string, name: KeyFileName, prefix: string): Promise<KeyFile> {
  const file = join(dataDir, name);
  await makeFolder(dataDir);
  const key = prefix + randomBytes(24).toString('base64url');
  try {
    // wx: two servers that start at once must not end with different keys.
    await writeFile(file, `${key}\n`, { mode: 0o600, flag: 'wx' });
    return { ok: true, file, key };
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
  }
  const stored = await readKeyFile(dataDir, name);
  if (stored.ok || stored.reason === 'unfit') return stored;
  // A start that ended between making the file and writing it leaves it empty.
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return { ok: true, file, key };
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
