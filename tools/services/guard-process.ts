/* The process of guard.ts: `+FOLDER` and `-FOLDER` lines on standard input; at its end the instances that are left end too. */
import { createInterface } from 'node:readline';
import { removeInstance } from './remove-instance.ts';

const folders = new Set<string>();
for await (const line of createInterface({ input: process.stdin })) {
  const folder = line.slice(1);
  if (line.startsWith('+')) folders.add(folder);
  else folders.delete(folder);
}
await Promise.allSettled([...folders].map(removeInstance));
