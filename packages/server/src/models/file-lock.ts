import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../domain/error-code.ts';

// The owner updates the file's time every two seconds. So a killed owner is noticed from another container or machine too,
// where its process id has no meaning.
const beatMs = 2_000;
const staleMs = 20_000;
const pollMs = 200;

/**
 * Runs `work` while this process holds the lock file; other processes wait. `onWait` is called once where another process
 * holds it. Rejects with the file system's error where the lock cannot be made, and with the reason of an abort.
 */
export async function withFileLock<T>(
  file: string,
  signal: AbortSignal,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  const mine = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    at: performance.timeOrigin + performance.now(),
  });
  for (let waited = false; !(await acquire(file, mine)); waited = true) {
    if (!waited) onWait();
    await sleep(pollMs, undefined, { signal });
  }
  const beat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined);
  }, beatMs);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if ((await readFile(file, 'utf8').catch(() => '')) === mine) await rm(file, { force: true });
  }
}

async function acquire(file: string, mine: string): Promise<boolean> {
  try {
    await writeFile(file, mine, { flag: 'wx' });
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  if (await isStale(file)) {
    // By a rename, which succeeds for only one of several waiting processes.
    const aside = `${file}.${process.pid}`;
    await rename(file, aside)
      .then(() => rm(aside, { force: true }))
      .catch(() => undefined);
  }
  return false;
}

async function isStale(file: string): Promise<boolean> {
  try {
    const ageMs = Date.now() - (await stat(file)).mtimeMs;
    if (ageMs > staleMs) return true;
    const owner: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof owner !== 'object' || owner === null || !('pid' in owner && 'host' in owner)) return false;
    return owner.host === hostname() && typeof owner.pid === 'number' && !isAlive(owner.pid);
  } catch {
    // The file is gone, or its owner is writing it just now.
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}
