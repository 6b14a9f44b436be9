import { resolve } from 'node:path';
import type { ConfigFiles } from '../config/config-files.ts';

/** Configuration files for tests, as texts by path. Paths are relative to `folder`. */
export function memoryFiles(folder: string, texts: Readonly<Record<string, string>>): ConfigFiles {
  const files = new Map(Object.entries(texts).map(([path, text]) => [resolve(folder, path), text]));
  const read: ConfigFiles['read'] = async (path) => {
    const text = files.get(path);
    if (text !== undefined) return { ok: true, text, again: true };
    return { ok: false, reason: 'missing', message: 'there is no such file' };
  };
  return {
    read,
    readLarge: read,
    async isFile(path) {
      return files.has(path);
    },
  };
}
