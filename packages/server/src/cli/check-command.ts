import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  badge,
  type CheckReport,
  checkEndpoint,
  type Endpoint,
  jsonReport,
  junitReport,
  keepsOpenAiForm,
  makePlan,
  type Plan,
  planText,
  readEndpoint,
  ruleWords,
  textReport,
  type Verdict,
} from '@tailrace/conformance';
import { parseDuration } from '../config/units.ts';
import { didYouMean } from '../domain/nearest.ts';
import { complain } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { fileProblem } from './file-problem.ts';
import { type FlagHelp, flagLines } from './flag-help.ts';
import { print } from './print.ts';
import { readWords } from './read-words.ts';

const formats = ['text', 'json', 'junit'] as const;
type Format = (typeof formats)[number];
const judged: readonly Verdict[] = ['pass', 'warn', 'fail'];

const flags = {
  '--model': { value: 'ID', about: 'the model to ask (default: the first of GET /models)' },
  '--key': { value: 'KEY', about: 'the API key (default: TAILRACE_API_KEY, else OPENAI_API_KEY)' },
  '--header': { value: 'NAME:VALUE', about: 'another header of each request; repeatable' },
  '--only': {
    value: 'RULE|GROUP',
    about: 'judge only these: an id, a group, openai or tailrace; repeatable',
  },
  '--max-requests': { value: 'N', about: 'send at most so many requests' },
  '--max-tokens': { value: 'N', about: 'ask for at most so many completion tokens, all requests together' },
  '--timeout': { value: 'DURATION', about: 'for one request (default: 60s)' },
  '--concurrency': { value: 'N', about: 'requests at a time (default: 1)' },
  '--format': { value: 'FORMAT', about: 'text, json or junit (default: text)' },
  '--output': { value: 'FILE', about: 'write the report to a file' },
  '--badge': { value: 'FILE', about: 'write a badge as SVG' },
} as const satisfies Readonly<Record<string, FlagHelp>>;

const usage = `Usage: tailrace check URL [FLAGS]

Judges how an OpenAI-compatible endpoint streams chat completions, by what it sends over the wire: first by what clients of any endpoint
rely on, and apart from that by Tailrace's own contract. URL is the base URL, such as http://127.0.0.1:8000/v1. The requests cost tokens;
the plan says how many, before the first one is sent. docs/check.md lists the rules.

${flagLines(flags)}
Exit status: 0 no rule of OpenAI's form is broken, 1 one is, 2 wrong usage, the endpoint cannot be reached, or nothing
could be judged, 3 none is broken, but answers took longer than --timeout and were not judged.

Examples:
  tailrace check http://127.0.0.1:7245
  tailrace check https://api.example.org/v1 --model gpt-4o-mini --only openai --format junit --output report.xml
  tailrace check http://127.0.0.1:8000/v1 --only tools --only usage
`;

/**
 * `tailrace check`. Resolves to the exit status: 0 no rule of OpenAI's form is broken; 1 one is; 2 wrong usage, the endpoint cannot be
 * reached, nothing could be judged, or a file cannot be written; 3 none is broken, but the timeout has cut answers.
 */
export async function checkCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const asked = parse(args, io);
  switch (asked.kind) {
    case 'refused':
      return complain(io, `${asked.message}; see tailrace check --help`, 2);
    case 'help':
      await print(io, usage);
      return 0;
    case 'check':
      return await check(asked, io);
  }
}

async function check(asked: Asked, io: CommandIo): Promise<number> {
  const width = io.stdout.isTTY === true ? io.stdout.columns : undefined;
  const key = asked.key === undefined ? '' : `, with the key of ${asked.keyFrom}`;
  io.stderr.write(`tailrace check ${asked.endpoint.url}${key}\n${planText(asked.plan, { width })}\n`);
  const result = await checkEndpoint(asked.plan, { ...asked, signal: new AbortController().signal });
  if (!result.ok) return complain(io, `${asked.endpoint.url}: ${result.problem}`, 2);
  const { report } = result;
  const colour = io.stdout.isTTY === true && io.env['NO_COLOR'] === undefined;
  try {
    if (asked.output === undefined) await print(io, render(report, asked.format, { width, colour }));
    else await writeFile(path.resolve(io.cwd, asked.output), render(report, asked.format, { colour: false }));
    if (asked.badge !== undefined) await writeFile(path.resolve(io.cwd, asked.badge), badge(report));
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    return complain(io, fileProblem(error, asked.output ?? asked.badge ?? ''), 2);
  }
  const { tooSlow } = report;
  if (keepsOpenAiForm(report) && tooSlow.length > 0) {
    const count = `${tooSlow.length} ${tooSlow.length === 1 ? 'answer' : 'answers'}`;
    return complain(
      io,
      `${asked.endpoint.url}: ${count} took longer than --timeout allows and could not be judged`,
      3,
    );
  }
  if (!report.results.some(({ verdict }) => judged.includes(verdict)))
    return complain(io, `${asked.endpoint.url}: nothing could be judged`, 2);
  return keepsOpenAiForm(report) ? 0 : 1;
}

function render(
  report: CheckReport,
  format: Format,
  options: { readonly width?: number | undefined; readonly colour: boolean },
): string {
  switch (format) {
    case 'text':
      return textReport(report, options);
    case 'json':
      return jsonReport(report);
    case 'junit':
      return junitReport(report);
  }
}

interface Asked {
  readonly kind: 'check';
  readonly endpoint: Endpoint;
  readonly plan: Plan;
  readonly model: string | undefined;
  readonly key: string | undefined;
  /** Where the key comes from, for people. */
  readonly keyFrom: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly format: Format;
  readonly output: string | undefined;
  readonly badge: string | undefined;
}

type Parsed = Asked | { readonly kind: 'help' } | { readonly kind: 'refused'; readonly message: string };

function refused(message: string): Parsed {
  return { kind: 'refused', message };
}

function parse(args: readonly string[], { env }: CommandIo): Parsed {
  const read = readWords(args, {
    values: Object.keys(flags) as (keyof typeof flags)[],
    switches: ['--help'],
  });
  if (!read.ok) return refused(read.message);
  const { words, values, all, on } = read;
  if (on.has('--help') || words[0] === 'help') return { kind: 'help' };
  const [url, extra] = words;
  if (url === undefined) return refused('check needs the URL of an endpoint');
  if (extra !== undefined) return refused(`unexpected ${JSON.stringify(extra)}`);
  const endpoint = readEndpoint(url);
  if (endpoint === undefined)
    return refused(`expected a URL such as http://127.0.0.1:8000/v1, got ${JSON.stringify(url)}`);

  const counts = { '--max-requests': 0, '--max-tokens': 0, '--concurrency': 1 };
  for (const [flag, least] of Object.entries(counts)) {
    const value = values[flag as keyof typeof counts];
    if (value !== undefined && (!/^\d{1,9}$/.test(value) || Number(value) < least))
      return refused(`${flag}: expected a whole number from ${least}, got ${JSON.stringify(value)}`);
  }
  const timeoutMs = parseDuration(values['--timeout'] ?? '60s');
  if (timeoutMs === undefined || timeoutMs === 0)
    return refused(`--timeout: expected a duration such as 60s, got ${JSON.stringify(values['--timeout'])}`);
  const format = formats.find((one) => one === (values['--format'] ?? 'text'));
  if (format === undefined)
    return refused(`--format: expected text, json or junit, got ${JSON.stringify(values['--format'])}`);
  const headers = readHeaders(all['--header'] ?? []);
  if (typeof headers === 'string') return refused(headers);

  const keys = keyOf(values['--key'], env);
  if (!/^[\x20-\x7e]*$/.test(keys.key ?? ''))
    return refused(`${keys.keyFrom}: expected a key of printable ASCII, without a line break`);
  const number = (value: string | undefined) => (value === undefined ? undefined : Number(value));
  const planned = makePlan({
    only: (all['--only'] ?? []).flatMap((word) => word.split(',')),
    maxRequests: number(values['--max-requests']),
    maxTokens: number(values['--max-tokens']),
    needsModel: values['--model'] === undefined,
  });
  if (!planned.ok)
    return refused(
      `--only: there is no rule and no group ${JSON.stringify(planned.unknown.slice(0, 64))}${didYouMean(planned.unknown, ruleWords())}`,
    );
  return {
    kind: 'check',
    endpoint,
    plan: planned.plan,
    model: values['--model'],
    ...keys,
    headers,
    timeoutMs,
    concurrency: number(values['--concurrency']) ?? 1,
    format,
    output: values['--output'],
    badge: values['--badge'],
  };
}

function keyOf(given: string | undefined, env: CommandIo['env']) {
  if (given !== undefined) return { key: given, keyFrom: '--key' };
  const name = ['TAILRACE_API_KEY', 'OPENAI_API_KEY'].find((one) => (env[one] ?? '') !== '');
  return { key: name === undefined ? undefined : env[name], keyFrom: name ?? '' };
}

/** The headers by their names in lower case, or what is wrong with one. Its value may be secret. */
function readHeaders(given: readonly string[]): Readonly<Record<string, string>> | string {
  const headers: Record<string, string> = {};
  for (const text of given) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([\x20-\x7e\x80-\xff]*)$/.exec(text) ?? [];
    if (name === undefined || value === undefined)
      return '--header: expected NAME:VALUE, such as x-team:search';
    headers[name.toLowerCase()] = value;
  }
  return headers;
}
