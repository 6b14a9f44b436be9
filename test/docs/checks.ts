import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import type { ConfigFiles } from '../../packages/server/src/config/config-files.ts';
import { formatProblem } from '../../packages/server/src/config/config-problem.ts';
import { loadConfig } from '../../packages/server/src/config/load-config.ts';
import { memoryFiles } from '../../packages/server/src/testing/memory-files.ts';
import { parseScript } from '../../packages/server/src/upstreams/scripted/load-script.ts';
import { blockKeys, type CodeBlock, type Page, placeOf, root, wholeCode } from './code-blocks.ts';

/** How a block is checked. `by`: by a test of its own, which it names. `shown`: it is no code. */
export type Way = (typeof ways)[number] | 'norun' | 'by' | 'unknown';

/** What `test=` may name. */
const ways = ['run', 'route', 'types', 'config', 'script', 'parses', 'nginx', 'shown'] as const;

const waysOfLanguages: ReadonlyMap<string, Way> = new Map<string, Way>([
  ...['sh', 'bash', 'python', 'js', 'ts'].map((language) => [language, 'run'] as const),
  ['tsx', 'types'],
  ['yaml', 'config'],
  ['json', 'parses'],
  ['nginx', 'nginx'],
  ...['', 'text'].map((language) => [language, 'shown'] as const),
]);

export function wayOf({ language, keys }: CodeBlock): Way {
  if (keys.has('norun')) return 'norun';
  if (keys.has('by')) return 'by';
  const named = keys.get('test');
  if (named !== undefined) return ways.find((way) => way === named) ?? 'unknown';
  return waysOfLanguages.get(language) ?? 'unknown';
}

/** What is wrong with the fence of a block, in words that say what to do; undefined where nothing is. */
export function problemOfFence(block: CodeBlock, page: Page): string | undefined {
  const unknown = [...block.keys.keys()].filter((key) => !blockKeys.some((known) => known === key));
  if (unknown.length > 0) return `unknown ${unknown.join(', ')}: known are ${blockKeys.join(', ')}`;
  const way = wayOf(block);
  if (way === 'norun' && (block.keys.get('norun') ?? '').length < 8)
    return 'norun="…" has to give its reason, in a few words';
  if (way === 'by') return problemOfOwnTest(block);
  if (way === 'unknown') {
    const named = block.keys.get('test');
    if (named !== undefined) return `test=${named} is no way to check a block: these are ${ways.join(', ')}`;
    return `no check for \`${block.language}\`: name one (test=…, one of ${ways.join(', ')}; or by=TEST_FILE), or say norun="reason"`;
  }
  const output = block.keys.get('output');
  if (output !== undefined && output !== 'above' && output !== 'shape')
    return `output=${output} is neither above nor shape`;
  if (output !== undefined && programAbove(block, page) === undefined)
    return `output=${output} needs a block above it that is run`;
  return undefined;
}

function problemOfOwnTest(block: CodeBlock): string | undefined {
  const test = block.keys.get('by') ?? '';
  if (!existsSync(path.join(root, test))) return `by=${test}: there is no such file`;
  if (!readFileSync(path.join(root, test), 'utf8').includes(path.basename(block.page)))
    return `by=${test}: that test does not name ${path.basename(block.page)}`;
  return undefined;
}

/** The program whose output a block shows: the nearest above it. */
export function programAbove(block: CodeBlock, page: Page): CodeBlock | undefined {
  return page.blocks.slice(0, page.blocks.indexOf(block)).findLast((other) => wayOf(other) === 'run');
}

/** The block that shows what a program prints, where one does. */
export function shownOutput(program: CodeBlock, page: Page): CodeBlock | undefined {
  return page.blocks.find((block) => block.keys.has('output') && programAbove(block, page) === program);
}

/**
 * Whether a program has printed what a block shows, in which `…` stands for anything; with `output=shape` a number stands for any
 * number.
 */
export function isPrinted({ code, keys }: CodeBlock, printed: string): boolean {
  const parts = code
    .trim()
    .split('…')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .map((part) =>
      keys.get('output') === 'shape' ? part.replaceAll(/\d+(\\\.\d+)?/g, '\\d+(\\.\\d+)?') : part,
    );
  return new RegExp(`^\\s*${parts.join('[^]*?')}\\s*$`).test(printed.replaceAll('\r\n', '\n'));
}

/** The files that blocks of a page are, by their names. */
export function filesOf(page: Page): ReadonlyMap<string, string> {
  return new Map(
    page.blocks.flatMap((block) => {
      const name = block.keys.get('file');
      return name === undefined ? [] : [[name, block.code] as const];
    }),
  );
}

/** What is wrong with a block that needs no server to be checked: one line each. */
export async function problemsOfText(block: CodeBlock, page: Page): Promise<readonly string[]> {
  const code = wholeCode(block, page);
  switch (wayOf(block)) {
    case 'config':
      return await problemsOfConfig(code, page);
    case 'script': {
      const parsed = parseScript(code, placeOf(block));
      return parsed.ok ? [] : parsed.problems;
    }
    case 'parses':
      try {
        if (block.language === 'yaml') parseYaml(code);
        else JSON.parse(code);
        return [];
      } catch (error) {
        return [`${block.language} that does not parse: ${(error as Error).message}`];
      }
    default:
      return [];
  }
}

/**
 * Loads it as the server would, with a value for each variable of the environment that it names. Files that it names are there; those
 * that the page does not show are empty.
 */
async function problemsOfConfig(text: string, page: Page): Promise<readonly string[]> {
  const variables = Array.from(text.matchAll(/\$\{(\w+)\}/g), ([, name = '']) => [name, variableValue(name)]);
  const shown = memoryFiles('/etc/tailrace', { ...Object.fromEntries(filesOf(page)), 'tailrace.yaml': text });
  const orEmpty =
    (read: ConfigFiles['read']): ConfigFiles['read'] =>
    async (file, again) => {
      const found = await read(file, again);
      return found.ok ? found : { ok: true, text: '{}', again: true };
    };
  const files: ConfigFiles = {
    read: orEmpty(shown.read),
    readLarge: orEmpty(shown.readLarge),
    isFile: async () => true,
  };
  const loaded = await loadConfig({ env: Object.fromEntries(variables), cwd: '/etc/tailrace', files });
  return loaded.ok ? loaded.warnings : loaded.problems.map(formatProblem);
}

/** A value that fits the name of a variable. */
function variableValue(name: string): string {
  if (/DATABASE|POSTGRES/.test(name)) return 'postgres://user:password@db.example.org/tailrace';
  if (/REDIS|VALKEY/.test(name)) return 'redis://redis.example.org:6379';
  return /URL|ISSUER/.test(name) ? 'https://example.org' : `value-of-${name}`;
}
