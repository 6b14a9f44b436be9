import { isObject } from '../../api/json.ts';

/** One line of the configuration as YAML. */
export interface ConfigLine {
  /** `models.acme/chat.targets[0].weight`, as the server writes it. */
  readonly path: string;
  /** The section that it belongs to: its first key. */
  readonly section: string;
  /** With the spaces of its depth. */
  readonly text: string;
}

type Path = readonly (string | number)[];

/** A configuration as the lines of a YAML file: short lists on one line, everything else a key a line. */
export function configLines(config: unknown): readonly ConfigLine[] {
  const lines: ConfigLine[] = [];
  if (isObject(config)) writeMapping(config, [], 0, '', lines);
  return lines;
}

/** `lead`: what stands in front of the first key where the mapping is an entry of a list. */
function writeMapping(value: object, path: Path, depth: number, lead: string, lines: ConfigLine[]): void {
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined && inner !== null);
  for (const [at, [key, inner]] of entries.entries()) {
    const own = [...path, key];
    const indent = at === 0 && lead !== '' ? lead : '  '.repeat(depth);
    const head = `${indent}${scalar(key)}:`;
    const add = (text: string): void => {
      lines.push({ path: formatPath(own), section: String(own[0]), text });
    };
    const short = onOneLine(inner);
    if (short !== undefined) add(`${head} ${short}`);
    else {
      add(head);
      if (Array.isArray(inner)) writeList(inner, own, depth + 1, lines);
      else writeMapping(inner as object, own, depth + 1, '', lines);
    }
  }
}

function writeList(list: readonly unknown[], path: Path, depth: number, lines: ConfigLine[]): void {
  for (const [at, item] of list.entries()) {
    const own = [...path, at];
    const lead = `${'  '.repeat(depth)}- `;
    const short = onOneLine(item);
    if (short === undefined && isObject(item)) writeMapping(item, own, depth + 1, lead, lines);
    else
      lines.push({
        path: formatPath(own),
        section: String(own[0]),
        text: lead + (short ?? JSON.stringify(item)),
      });
  }
}

/** A plain value, a list of plain values, or what is empty; undefined for the rest. */
function onOneLine(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const items = value as readonly unknown[];
    return items.some((item) => typeof item === 'object' && item !== null)
      ? undefined
      : `[${items.map(scalar).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0 ? '{}' : undefined;
  return scalar(value);
}

/** Texts that YAML reads as they are, also inside of brackets; all others are quoted as JSON does it, which YAML reads too. */
const plainText = /^[A-Za-z0-9_./~@%+-]([A-Za-z0-9_./:~@%+-]*[A-Za-z0-9_./~@%+-])?$/;
const readsAsOther = /^(true|false|null|~|yes|no|on|off|[-+.]?[0-9][0-9_.eE+-]*|0[xo][0-9a-fA-F]+|-|\.)$/i;

function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? '';
  return plainText.test(value) && !readsAsOther.test(value) ? value : JSON.stringify(value);
}

function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

/** The lines that have the text, in their path or in themselves, with the lines around them that say where they are. */
export function searchLines(lines: readonly ConfigLine[], text: string): readonly ConfigLine[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return lines;
  return withParents(lines, ({ path, text: line }) => `${path}\n${line}`.toLowerCase().includes(wanted));
}

/** The lines that fit, with the keys above them. */
export function withParents(
  lines: readonly ConfigLine[],
  fits: (line: ConfigLine) => boolean,
): readonly ConfigLine[] {
  // A key stands right above what is inside of it, so the last line that was kept says whether anything of that is.
  const kept: ConfigLine[] = [];
  for (const line of lines.toReversed()) {
    const below = kept.at(-1);
    if (fits(line) || (below !== undefined && outerPaths(below.path).includes(line.path))) kept.push(line);
  }
  return kept.reverse();
}

/** A path and those around it, the longest first. Names may hold dots: then some of these are none. */
export function outerPaths(path: string): readonly string[] {
  const ends = [...path.matchAll(/[.[]/g)].map(({ index }) => path.slice(0, index));
  return [...ends, path].reverse();
}
