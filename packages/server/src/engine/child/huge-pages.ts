import { readFileSync, statSync } from 'node:fs';

/**
 * All weights are read for every token, and pages of 4 kB make the processor look up 25,000 addresses of a small
 * model each time. A file that is mapped cannot have huge pages; a copy of it can, where the kernel gives them
 * (measured: 8.1 → 7.6 ms a token of the default model). The copy is this process's own memory, which the kernel
 * cannot drop or share as it can a mapping: so only where there is plenty.
 */
export interface Machine {
  readonly platform: NodeJS.Platform;
  /** Bytes; control groups counted. */
  availableMemory(): number;
  /** Bytes; undefined where there is no such file. */
  sizeOf(file: string): number | undefined;
  /** The text of a file, undefined where it can't be read. */
  read(path: string): string | undefined;
}

export const thisMachine: Machine = {
  platform: process.platform,
  availableMemory: () => process.availableMemory(),
  sizeOf: (file) => statSync(file, { throwIfNoEntry: false })?.size,
  read(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
};

/** Of the memory that is available a copy of the weights may take so much. */
const share = 0.25;

/** True where a model's weights are read into memory instead of being mapped. */
export function copiesWeights(file: string, machine: Machine): boolean {
  if (machine.platform !== 'linux') return false;
  const given = machine.read('/sys/kernel/mm/transparent_hugepage/enabled') ?? '';
  if (!given.includes('[madvise]') && !given.includes('[always]')) return false;
  const bytes = machine.sizeOf(file);
  return bytes !== undefined && bytes <= share * machine.availableMemory();
}
