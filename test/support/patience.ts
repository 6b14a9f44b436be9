import { vi } from 'vitest';

/*
 * How long a test waits for what must happen, where it names no time itself: vitest gives up after a second, and a busy machine takes
 * longer. `vitest.config.ts` has the same for `expect.poll`. A test that fails takes so long; one that passes does not.
 */
const { waitFor } = vi;
vi.waitFor = (probe, options = {}) =>
  waitFor(probe, { timeout: 20_000, ...(typeof options === 'number' ? { timeout: options } : options) });
