import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { root } from './bench-processes.ts';
import { type Figures, mediansOf, type Round } from './figures.ts';
import type { Options } from './options.ts';

/** One line of a table: a figure of the JSON, and how it is shown. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly digits: number;
  /** What stands beside the figure: its ratio to nginx's, its difference from nginx's, or nothing. */
  readonly beside?: 'ratio' | 'difference';
}

/** How quiet the machine was. */
export const machineRows: readonly Row[] = [
  { name: 'othersPercent', title: 'other processes, % of a core', digits: 0 },
  { name: 'stolenPercent', title: 'stolen by the host, % of a core', digits: 0 },
];

/** Prints to standard output, or to standard error where the JSON goes there. */
export type Say = (line: string) => void;

const reference = 'nginx';

/** A table of the medians, one column a proxy. */
export function tableOf(rounds: readonly Round[], rows: readonly Row[]): string {
  const medians = mediansOf(rounds);
  const base = medians.get(reference);
  const cells = [
    ['', ...medians.keys()],
    ...rows.map((row) => [
      row.title,
      ...[...medians].map(([proxy, figures]) => cell(row, figures, proxy === reference ? undefined : base)),
    ]),
  ];
  const widths =
    cells[0]?.map((_, column) => Math.max(...cells.map((line) => (line[column] ?? '').length))) ?? [];
  const lines = cells.map(
    (line) => `| ${line.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return lines.join('\n');
}

/** The last measurement in one line, beside nginx's of the same round. */
export function roundLine(rounds: readonly Round[], rows: readonly Row[]): string {
  const last = rounds.at(-1);
  if (last === undefined) return '';
  const base = rounds.find(({ proxy, round }) => proxy === reference && round === last.round)?.figures;
  const cells = rows.map(
    (row) => `${row.title} ${cell(row, last.figures, last.proxy === reference ? undefined : base)}`,
  );
  return `round ${last.round}  ${last.proxy.padEnd(9)} ${cells.join(' · ')}`;
}

/** One figure, with its relation to the reference where there is one. */
function cell({ name, digits, beside }: Row, figures: Figures, base: Figures | undefined): string {
  const value = figures[name] ?? Number.NaN;
  if (Number.isNaN(value)) return '–';
  const shown = value.toFixed(digits);
  const other = base?.[name];
  if (other === undefined || Number.isNaN(other) || beside === undefined) return shown;
  if (beside === 'ratio') return `${shown} (${(value / other).toFixed(2)} ×)`;
  const difference = value - other;
  return `${shown} (${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(digits)})`;
}

/** Where and with what it was measured; `more` is what only one benchmark has. */
export function writeJson(
  options: Options,
  rounds: readonly Round[],
  more: Readonly<Record<string, unknown>>,
): void {
  const { json, ...rest } = options;
  if (json === undefined) return;
  const text = JSON.stringify(
    {
      benchmark: options.benchmark,
      at: new Date().toISOString(),
      machine: {
        cores: availableParallelism(),
        cpu: cpus()[0]?.model,
        memoryMb: Math.round(totalmem() / 1_048_576),
        kernel: `${type()} ${release()}`,
        node: process.version,
      },
      commit: commitOf(root),
      ...(options.before === undefined ? {} : { commitBefore: commitOf(options.before) }),
      // No key of another gateway.
      options: { ...rest, gateways: options.gateways.map(({ name }) => name) },
      rounds,
      medians: Object.fromEntries(mediansOf(rounds)),
      ...more,
    },
    null,
    1,
  );
  if (json === '-') process.stdout.write(`${text}\n`);
  else writeFileSync(json, `${text}\n`);
}

/** The commit of a checkout, with `+` where files differ from it. */
function commitOf(checkout: string): string {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', checkout, ...args], { encoding: 'utf8' }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}
