import { readFileSync, statSync } from 'node:fs';

/**
 * Each token reads all weights, and with pages of 4 kB the processor looks up 25,000 pages of a small model each time.
 * A mapped file cannot have huge pages; a copy in memory can, where the kernel has them (measured: 7.6 instead of 8.1
 * ms
 * a token of the default model). The kernel can neither drop nor share a copy, so it is made only where much memory is
 * available.
 */
export interface Machine {
  readonly platform: NodeJS.Platform;
  /** In bytes; within the limits of control groups. */
  availableMemory(): number;
  /** In bytes; undefined where the file does not exist. */
  sizeOf(file: string): number | undefined;
  /** The text of a file; undefined where it cannot be read. */
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

/** The largest part of the available memory for a copy of the weights. */
const share = 0.25;

/** True where the weights should be read into memory instead of mapped. */
export function copiesWeights(file: string, machine: Machine): boolean {
  if (machine.platform !== 'linux') return false;
  const given = machine.read('/sys/kernel/mm/transparent_hugepage/enabled') ?? '';
  if (!given.includes('[madvise]') && !given.includes('[always]')) return false;
  const bytes = machine.sizeOf(file);
  return bytes !== undefined && bytes <= share * machine.availableMemory();
}
