import { relative } from 'node:path';
import type { PriceConfig, TokenPrices, UncountedCost } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import { loadConfig } from '../config/load-config.ts';
import { amountsJson, priceJson } from '../config/price-json.ts';
import { exampleTokens, type ListedTarget, listPrices } from '../metering/price-list.ts';
import { printable } from '../telemetry/printable.ts';
import { complain } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { counted } from './counted.ts';
import { print } from './print.ts';
import { readWords } from './read-words.ts';
import { unknownCommand } from './unknown-command.ts';

const help = `Usage: tailrace prices check [--config FILE] [--json]

  Lists each model and each of its targets with its price in US dollars for a million tokens, what ${exampleTokens} tokens of
  prompt and ${exampleTokens} of answer cost, and where the price stands; or "no price". Below it stand the costs of a catalogue
  that are not charged, such as those of audio, and why the catalogue has no price.
  --json  the same as one JSON object
  Exit status: 0 listed, 2 the configuration or its file of prices is not valid.
`;

/** `tailrace prices …`. Resolves to the exit status: 0 listed, 2 wrong usage, configuration or catalogue of prices. */
export async function pricesCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const asked = readFlags(args);
  if ('problem' in asked) {
    return complain(io, asked.problem, 2);
  }
  if (asked.help) {
    await print(io, help);
    return 0;
  }
  const { config: file } = asked;
  const flags = file === undefined ? {} : { config: file };
  const loaded = await loadConfig({ env: io.env, cwd: io.cwd, flags });
  if (!loaded.ok) {
    io.stderr.write(loaded.problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
    return 2;
  }
  io.stderr.write(loaded.warnings.map((warning) => `warning: ${warning}\n`).join(''));
  const listed = listPrices(loaded.config);
  await print(io, asked.json ? `${JSON.stringify(asJson(listed), undefined, 2)}\n` : asText(listed, io.cwd));
  return 0;
}

interface Flags {
  readonly help: boolean;
  readonly json: boolean;
  readonly config: string | undefined;
}

function readFlags(args: readonly string[]): Flags | { readonly problem: string } {
  const read = readWords(args, { values: ['--config'], switches: ['--json', '--help'] });
  if (!read.ok) return { problem: `${read.message}; see tailrace prices --help` };
  const { words, values, on } = read;
  const flags = { help: on.has('--help'), json: on.has('--json'), config: values['--config'] };
  const [action, extra] = words;
  if (flags.help || action === 'help') return { ...flags, help: true };
  if (action !== 'check') return { problem: unknownCommand('prices', action, ['check']) };
  return extra === undefined
    ? flags
    : { problem: `unexpected ${JSON.stringify(extra)}; see tailrace prices --help` };
}

const exampleTitle = `${exampleTokens} + ${exampleTokens} TOKENS`;

function asText(listed: readonly ListedTarget[], cwd: string): string {
  const rows = listed.map(({ target, price, source, exampleMicroUsd }) => [
    printable(target),
    price === undefined ? 'no price' : priceText(price),
    exampleMicroUsd === undefined ? '' : dollarsText(exampleMicroUsd),
    source === undefined ? '' : printable(sourceText(source, cwd)),
  ]);
  const titles = ['TARGET', 'US DOLLARS FOR A MILLION TOKENS', exampleTitle, 'FROM'];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...[titles, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const inColumns = (row: readonly string[]) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
  const lines = listed.flatMap((one, at) => {
    const below = [inColumns(rows[at] ?? []), ...notes(one).map((note) => `    ${printable(note)}`)];
    return listed[at - 1]?.model === one.model ? below : [one.model, ...below];
  });
  return [inColumns(titles), ...lines, summary(listed), ''].join('\n');
}

/** What an operator has to know of a price, or of its absence, beside its amounts. */
function notes({ uncounted, unlisted }: ListedTarget): readonly string[] {
  const others = (costs: readonly UncountedCost[]) => costs.map(({ what }) => what).join(', ');
  if (uncounted.length > 0) return [`not charged at their own costs: ${others(uncounted)}`];
  if (unlisted === undefined) return [];
  const { tried, entry, uncounted: instead = [] } = unlisted;
  if (entry === undefined) return [`the catalogue has no entry ${listed(tried)}`];
  const only = instead.length === 0 ? '' : `, only those of: ${others(instead)}`;
  return [`the entry "${entry}" has no cost of tokens or requests${only}`];
}

function listed(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  return [quoted.slice(0, -1).join(', '), ...quoted.slice(-1)].filter((part) => part !== '').join(' or ');
}

function priceText({ request, above, ...base }: PriceConfig): string {
  const steps = above.map(({ tokens, ...prices }) => `above ${tokens} tokens: ${amountsText(prices)}`);
  const flat = request === undefined ? amountsText(base) : amountsText(base, `request ${request}`);
  return [flat, ...steps].join('; ');
}

function amountsText(prices: TokenPrices, ...more: readonly string[]): string {
  const amounts = Object.entries(amountsJson(prices)).map(([kind, amount]) => `${kind} ${amount}`);
  return [...amounts, ...more].join(', ');
}

function dollarsText(microUsd: number): string {
  return `$${Math.floor(microUsd / 1e6)}.${String(microUsd % 1e6).padStart(6, '0')}`;
}

function sourceText({ file, key }: NonNullable<ListedTarget['source']>, cwd: string): string {
  if (file === undefined) return key;
  const inside = relative(cwd, file);
  return `${inside.startsWith('..') ? file : inside}: ${key}`;
}

function summary(listed: readonly ListedTarget[]): string {
  const models = new Set(listed.map(({ model }) => model)).size;
  const priced = listed.filter(({ price }) => price !== undefined).length;
  return `${counted(models, 'model')}, ${counted(listed.length, 'target')}: ${priced} with a price, ${listed.length - priced} without`;
}

function asJson(listed: readonly ListedTarget[]): unknown {
  return {
    targets: listed.map(({ model, target, price, source, uncounted, unlisted, exampleMicroUsd }) => ({
      model,
      target,
      price: price === undefined ? null : priceJson(price),
      source: source === undefined ? null : { file: source.file ?? null, key: source.key },
      not_charged: uncounted,
      ...(unlisted === undefined ? {} : { looked_for: unlisted.tried }),
      example: {
        prompt_tokens: exampleTokens,
        completion_tokens: exampleTokens,
        cost_micro_usd: exampleMicroUsd ?? null,
      },
    })),
    with_price: listed.filter(({ price }) => price !== undefined).length,
    without_price: listed.filter(({ price }) => price === undefined).length,
  };
}
