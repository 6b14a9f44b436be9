import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isAlive } from '../support/child.ts';
import { writeRandomGguf } from '../support/random-gguf.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';

/** Keeps an engine busy and prints the id of its process. */
const busyParent = `
  import { ask, startTestEngine } from ${JSON.stringify(new URL('./ask.ts', import.meta.url).href)};
  const { engine, pid } = await startTestEngine({ file: process.argv[1], sequences: 2 });
  let printed = false;
  for (;;) {
    await ask(engine, 'on and on', { onText() { if (!printed) console.log(pid()); printed = true; } });
  }
`;

test('the process ends with its parent, even after a kill -9 while it computes', async () => {
  const scratch = createScratch('parent');
  const model = join(scratch.path, 'random.gguf');
  writeRandomGguf(model, { seed: 5 });
  const parent = spawn(
    process.execPath,
    ['--conditions=tailrace-source', '--input-type=module', '--eval', busyParent, model],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const pid = await new Promise<number>((resolve, reject) => {
      parent.stdout.setEncoding('utf8').once('data', (text: string) => resolve(Number(text)));
      parent.once('exit', () => reject(new Error('the parent ended by itself')));
    });
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until('the engine process is gone', 20_000, () => (isAlive(pid) ? undefined : true));
  } finally {
    parent.kill('SIGKILL');
    scratch.remove();
  }
});
