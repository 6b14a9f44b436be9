import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/*
 * Loaded into a server by `--import` beside `--expose-gc` (see server-memory.ts): a test that connects to the
 * socket at TAILRACE_TEST_PROBE gets, after a garbage collection, what the process still holds. The product itself
 * must not answer such questions, so this is only in the tests.
 */

const path = process.env['TAILRACE_TEST_PROBE'];
const collect: (() => void) | undefined = globalThis.gc;
if (path !== undefined && collect !== undefined) {
  createServer(async (socket) => {
    socket.on('error', () => {});
    // Finalisers run between collections, and free what the next one finds.
    for (let round = 0; round < 3; round += 1) {
      collect();
      await turn();
    }
    const { heapUsed, external } = process.memoryUsage();
    const held = {
      heldBytes: heapUsed + external,
      descriptors: readdirSync('/proc/self/fd').filter(isHeld).length,
      resources: process.getActiveResourcesInfo(),
    };
    socket.end(JSON.stringify(held));
  })
    .listen(path)
    .unref();
}

/** The file of the spool is open while entries wait for the store, a second at most. */
function isHeld(descriptor: string): boolean {
  try {
    return !readlinkSync(`/proc/self/fd/${descriptor}`).includes('/spool/');
  } catch {
    // That of the reading itself, which is closed again.
    return true;
  }
}
