import { expect, it } from 'vitest';
import { createProgress } from './progress.ts';

function drawTo(isTTY: boolean, steps: readonly (readonly [nowMs: number, bytes: number])[]): string {
  let text = '';
  let nowMs = 0;
  const output = {
    isTTY,
    columns: 60,
    write(piece: string) {
      text += piece;
    },
  };
  const progress = createProgress(output, () => nowMs);
  for (const [at, bytes] of steps) {
    nowMs = at;
    progress.bytes('toy from here', bytes, 1_000_000);
  }
  progress.end();
  return text;
}

it('draws a bar on a terminal, no wider than it, and clears it at the end', () => {
  const text = drawTo(true, [
    [0, 0],
    [10, 100_000],
    [200, 500_000],
  ]);
  expect(text).toContain('[############............] 50 % of 1.0 MB');
  expect(text).not.toContain('10 %');
  expect(text.endsWith('\r\u001b[K')).toBe(true);
  expect(Math.max(...text.split(/\r\u001b\[K/).map((line) => line.length))).toBeLessThan(60);
});

it('writes a line at every tenth elsewhere, and after five seconds without one', () => {
  const text = drawTo(false, [
    [0, 0],
    [10, 40_000],
    [20, 100_000],
    [30, 120_000],
    [6_000, 130_000],
    [6_010, 1_000_000],
  ]);
  expect(text.split('\n').map((line) => /\d+ %/.exec(line)?.[0])).toEqual([
    '0 %',
    '10 %',
    '13 %',
    '100 %',
    undefined,
  ]);
  expect(text).not.toContain('\u001b');
});
