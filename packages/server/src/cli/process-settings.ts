/**
 * What a process of the server sets before it loads anything else; `main.ts` imports this file first. A flag on the command
 * line only reaches those who start the server in the intended way.
 *
 * **Small young generation.** V8 lets the space for young objects grow to 16 MiB and more, and copies what is alive in it at
 * each collection. A stream's state is alive for seconds, so with a large space each collection copied megabytes: pauses of
 * 13 to 18 ms, in which no stream moves. In a space of 1 MiB the collections are more frequent, and each takes about a
 * millisecond. V8 fixes the largest size when the process starts, so the launcher gives it. Where it has not, the factor by which
 * the space grows is set to 1: V8 reads that at each growth, but takes no 1 on the command line. So small a space is collected
 * faster by one thread than by several, which have to be woken for it: a request takes 4 % less.
 *
 * **Compiled code.** From the sources Node strips the types of each file at each start, with a library of its own that then
 * keeps 28 MB of memory. The cache keeps the result, and the compiled code. Node checks the content of each file against it.
 */
import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

// First, and not where the launcher has given the flags: V8 takes no code from the cache that was compiled under other flags, and a
// thread would open another cache than the process did.
if (!process.execArgv.includes('--max-semi-space-size=1')) {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-parallel-scavenge');
}

const runsSources = import.meta.url.endsWith('.ts');
if (runsSources) enableCompileCache(fileURLToPath(new URL('../../../../.tools/compiled', import.meta.url)));

/** Writes the cache now; else Node writes it at the end of the process, which a signal may take away. */
export function keepCompiledCode(): void {
  if (runsSources) flushCompileCache();
}
