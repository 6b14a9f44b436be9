import { open, stat } from 'node:fs/promises';

/** What reading the configuration asks of the disk. */
export interface ConfigFiles {
  read(path: string): Promise<ReadFile>;
  /** True for a file that is there (a link to one too). */
  isFile(path: string): Promise<boolean>;
}

export type ReadFile =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: 'missing' | 'unreadable'; readonly message: string };

/** More is no configuration; reading a device or a model by mistake must not fill the memory. */
const maxFileBytes = 1024 ** 2;

export const diskFiles: ConfigFiles = {
  async read(path) {
    try {
      const handle = await open(path, 'r');
      try {
        const { buffer, bytesRead } = await handle.read(
          Buffer.alloc(maxFileBytes + 1),
          0,
          maxFileBytes + 1,
          null,
        );
        return bytesRead > maxFileBytes
          ? unreadable('larger than 1MiB')
          : decode(buffer.subarray(0, bytesRead));
      } finally {
        await handle.close();
      }
    } catch (thrown) {
      const code = errorCode(thrown);
      if (code === 'ENOENT') return { ok: false, reason: 'missing', message: 'there is no such file' };
      return unreadable(reasons[code] ?? code);
    }
  },
  async isFile(path) {
    try {
      return (await stat(path)).isFile();
    } catch {
      return false;
    }
  },
};

function decode(bytes: Uint8Array): ReadFile {
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return unreadable('not UTF-8 text');
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'part of the path is no folder',
};

function unreadable(message: string): ReadFile {
  return { ok: false, reason: 'unreadable', message };
}

function errorCode(thrown: unknown): string {
  if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') return thrown.code;
  throw thrown;
}
