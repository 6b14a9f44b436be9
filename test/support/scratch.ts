import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for one server or proxy, gone with `remove()`. */
export interface Scratch {
  readonly path: string;
  write(name: string, text: string): string;
  remove(): void;
}

export function createScratch(prefix: string): Scratch {
  const path = mkdtempSync(join(tmpdir(), `tailrace-${prefix}-`));
  return {
    path,
    write(name, text) {
      const file = join(path, name);
      writeFileSync(file, text);
      return file;
    },
    remove() {
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
