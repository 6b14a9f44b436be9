import type { ReactNode } from 'react';
import './charts.css';

/** A line without axes beside a figure, which says the value: the line only shows its course. It ends now. */
export function Sparkline({ values }: { values: readonly (number | null)[] }): ReactNode {
  const { line, under } = sparkPath(values);
  return (
    <svg className="sparkline" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true">
      <path className="under" d={under} />
      <path d={line} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

const [width, height, inset] = [100, 28, 2];

/** In a box of 100 by 28, from 0 at its foot to the largest value. A gap ends the line; one value alone is a short line. */
export function sparkPath(values: readonly (number | null)[]): { line: string; under: string } {
  const most = Math.max(...values.map((value) => value ?? 0), Number.MIN_VALUE);
  const step = width / Math.max(1, values.length - 1);
  const runs: { x: number; y: number }[][] = [];
  let isOpen = false;
  for (const [at, value] of values.entries()) {
    if (value === null) {
      isOpen = false;
      continue;
    }
    if (!isOpen) runs.push([]);
    isOpen = true;
    runs.at(-1)?.push({ x: at * step, y: height - inset - (value / most) * (height - 2 * inset) });
  }
  const line = runs.map((run) => pathOf(run.length === 1 ? widened(run) : run));
  const under = runs.map((run) => {
    const whole = run.length === 1 ? widened(run) : run;
    return `${pathOf(whole)}V${height}H${fixed(whole[0]?.x ?? 0)}Z`;
  });
  return { line: line.join(''), under: under.join('') };
}

function widened([point = { x: 0, y: 0 }]: readonly { x: number; y: number }[]): { x: number; y: number }[] {
  return [
    { x: Math.max(0, point.x - 0.6), y: point.y },
    { x: Math.min(width, point.x + 0.6), y: point.y },
  ];
}

function pathOf(points: readonly { x: number; y: number }[]): string {
  return points.map(({ x, y }, at) => `${at === 0 ? 'M' : 'L'}${fixed(x)} ${fixed(y)}`).join('');
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
