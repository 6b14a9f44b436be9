import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { run } from '../run.ts';
import { killMarked } from './marked-processes.ts';

/** The file in which PostgreSQL says what it holds; the folder of an instance of Redis has none. */
export const postmasterFile = 'data/postmaster.pid';

/** Ends the processes of an instance, whatever their state, and deletes its folder. Its data is not wanted any more. */
export async function removeInstance(folder: string): Promise<void> {
  await killMarked(path.basename(folder));
  await releaseSharedMemory(folder);
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** A killed PostgreSQL leaves a segment of System V shared memory, which the system keeps until it restarts. */
async function releaseSharedMemory(folder: string): Promise<void> {
  const file = path.join(folder, postmasterFile);
  const text = await readFile(file, 'utf8').catch(() => '');
  // Its seventh line is `KEY ID`.
  const id = /^\s*\d+\s+(\d+)\s*$/.exec(text.split('\n')[6] ?? '')?.[1];
  if (id === undefined) return;
  const { uid, gid } = await stat(file);
  await run('ipcrm', ['-m', id], process.getuid?.() === 0 ? { user: { uid, gid } } : {});
}
