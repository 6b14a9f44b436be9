/*
 * `npm run soak`: the long runs, in parts. A part that has passed for this state of the sources is not run again, so an
 * interrupted run continues with the next part; the last line is a summary as JSON. Exits 1 where a part failed.
 *
 *     npm run soak                         every part
 *     npm run soak -- --only fuzz          parts whose names begin with this
 *     npm run soak -- --seed 7 --again     another seed, and also parts that have passed
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { collectorProgram, deployPrograms, nextExample, prepare } from './prepare.ts';
import { createReport } from './report.ts';
import { root, run, runNode } from './run.ts';
import { type Services, startServices } from './services/start-services.ts';
import { runVitest } from './vitest.ts';

interface Result {
  readonly passed: boolean;
  readonly seconds: number;
  /** The figures that the part reported. */
  readonly figures: unknown;
}

interface Part {
  readonly name: string;
  readonly run: () => Promise<Result>;
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
    again: { type: 'boolean', default: false },
  },
});
const firstSeed = Number(values.seed);
if (!Number.isSafeInteger(firstSeed)) throw new Error(`--seed takes a whole number, got '${values.seed}'`);
const report = createReport((text) => process.stdout.write(text));
const { say } = report;
/** The suites' PostgreSQL and Redis, started by the first part that runs them. */
let services: Promise<Services> | undefined;
const resultsFile = path.join(root, '.tools', 'soak.json');

/** Thirty minutes of fuzzing, each part with a seed of its own. */
const fuzzParts: readonly Part[] = Array.from({ length: 6 }, (_, part) => ({
  name: `fuzz ${firstSeed + part}`,
  run: () => fuzz(firstSeed + part, 300),
}));

/** More than a hundred thousand streams that deviate as upstreams do. */
const mutatedStreams = 'packages/server/src/upstreams/mutated-streams.test.ts';

/** The suites of which `npm test` runs a seeded part. */
const suites: readonly Part[] = [
  { name: 'streams', run: () => wholeSuites(['--project', 'unit', mutatedStreams], String(firstSeed)) },
  { name: 'suites unit', run: () => wholeSuites(['--project', 'unit', '--exclude', mutatedStreams]) },
  {
    name: 'suites system',
    run: () =>
      wholeSuites([
        ...['--project', 'system', '--project', 'machines', '--project', 'services'],
        ...['test/engine', 'test/wall', 'test/machines', 'test/wire'],
      ]),
  },
  // Two hundred kills on each store, and outages of a minute.
  { name: 'ledger', run: () => wholeSuites(['--project', 'services', 'test/ledger'], String(firstSeed)) },
];

/** A thousand resumable streams whose connections break, and a hundred thousand whose readers never come back. */
const resume: Part = {
  name: 'resume',
  run: () => wholeSuites(['--project', 'services', 'test/resume'], String(firstSeed)),
};

/** Five hundred resumable streams at once while replicas are restarted, and a Redis that fails in each way. */
const replicas: Part = {
  name: 'replicas',
  run: () => wholeSuites(['--project', 'services', 'test/replicas'], String(firstSeed)),
};

/** All examples, with that for Next.js: its packages are large, and its build takes half a minute. */
const examples: Part = {
  name: 'examples',
  async run() {
    await nextExample(report);
    return wholeSuites(['--project', 'services', 'test/examples']);
  },
};

/** A thousand worlds of services that are killed at random, over each store. */
const simulation: Part = {
  name: 'simulation',
  run: () => wholeSuites(['--project', 'machines', 'test/simulation']),
};

/** Every view of the page in both colour schemes at both widths, and every hostile answer. */
const page: Part = {
  name: 'page',
  run: () => wholeSuites(['--project', 'services', 'test/page']),
};

/** A thousand network accidents, with each client of the Python SDK. */
const python: Part = {
  name: 'python',
  run: () => wholeSuites(['--project', 'services', 'test/python']),
};

/** `tailrace check` against servers of others: those that are at hand. */
const conformance: Part = {
  name: 'conformance',
  run: () => wholeSuites(['--project', 'services', 'test/conformance']),
};

/** The API by its document: every edge case that schemathesis knows, and a hundred random requests of each route. */
const openapi: Part = {
  name: 'openapi',
  run: () => wholeSuites(['--project', 'services', 'test/openapi'], String(firstSeed)),
};

/** Traces in a real OpenTelemetry Collector, which this builds where Go is installed. */
const collector: Part = {
  name: 'collector',
  async run() {
    await collectorProgram(report);
    return wholeSuites(['--project', 'services', 'test/collector']);
  },
};

/** The files of deploy/, judged by programs whose builds take minutes too, and a release that is made in a clone. */
const deploy: Part = {
  name: 'deploy',
  async run() {
    await deployPrograms(report);
    return wholeSuites([
      ...['--project', 'services', '--project', 'machines'],
      ...['test/deploy', 'test/machines/package'],
    ]);
  },
};

const parts: readonly Part[] = [
  ...fuzzParts,
  ...suites,
  resume,
  replicas,
  page,
  examples,
  python,
  conformance,
  openapi,
  collector,
  deploy,
  simulation,
  { name: 'engine', run: engine },
];

async function wholeSuites(args: readonly string[], seed?: string): Promise<Result> {
  const { modelFile } = await prepare(report);
  services ??= startServices(report);
  const { env } = await services;
  const { ran, failed, passed, skipped } = await runVitest(args, {
    show: true,
    env: {
      ...env,
      TAILRACE_TEST_WHOLE: '1',
      TAILRACE_TEST_LIVEZ_MS: '400',
      ...(seed === undefined ? {} : { TAILRACE_TEST_SEED: seed }),
      ...(modelFile === undefined ? {} : { TAILRACE_TEST_MODEL: modelFile }),
    },
  });
  return {
    passed: failed === 0 && passed > 0,
    seconds: ran.seconds,
    figures: { passed, failed, skipped, missing: report.missing },
  };
}

async function fuzz(seed: number, seconds: number): Promise<Result> {
  const figuresFile = path.join(tmpdir(), `tailrace-fuzz-${process.pid}-${seed}.json`);
  const { ran, failed, passed } = await runVitest(['--project', 'system', 'test/fuzz/fuzz.test.ts'], {
    show: true,
    env: {
      TAILRACE_FUZZ_SECONDS: String(seconds),
      TAILRACE_FUZZ_SEED: String(seed),
      TAILRACE_TEST_LIVEZ_MS: '400',
      TAILRACE_FUZZ_REPORT: figuresFile,
    },
  });
  const figures: unknown = JSON.parse(await readFile(figuresFile, 'utf8').catch(() => 'null'));
  await rm(figuresFile, { force: true });
  return { passed: failed === 0 && passed > 0, seconds: ran.seconds, figures };
}

/** Five thousand requests of every kind on one engine, and fifty kills of its process. */
async function engine(): Promise<Result> {
  const { modelFile } = await prepare(report);
  if (modelFile === undefined)
    return { passed: false, seconds: 0, figures: 'the default model could not be had' };
  const ran = await runNode('bench/engine/soak.ts', ['--model', modelFile]);
  say(ran.output);
  return { passed: ran.code === 0, seconds: ran.seconds, figures: ran.output.trim().split('\n').at(-1) };
}

/** A hash over every file that git tracks or would track: a changed or new file is another state. */
async function stateOfSources(): Promise<string> {
  const git = async (...args: string[]): Promise<string> => {
    const { code, output } = await run('git', args);
    return `${code} ${output}`;
  };
  const hash = createHash('sha256');
  hash.update(await git('rev-parse', 'HEAD')).update(await git('diff', 'HEAD'));
  const { output } = await run('git', ['ls-files', '--others', '--exclude-standard', '-z']);
  for (const file of output.split('\0').filter((name) => name !== '')) {
    hash.update(`${file}\0`).update(await readFile(path.join(root, file)).catch(() => ''));
  }
  return hash.digest('hex');
}

type Results = Readonly<Record<string, Result>>;

async function keptResults(state: string): Promise<Results> {
  try {
    const kept = JSON.parse(await readFile(resultsFile, 'utf8')) as { state: string; results: Results };
    return kept.state === state ? kept.results : {};
  } catch {
    return {};
  }
}

const state = await stateOfSources();
let results = await keptResults(state);
const chosen = parts.filter(({ name }) => name.startsWith(values.only));
for (const part of chosen) {
  if (results[part.name]?.passed === true && !values.again) {
    say(`${part.name}: passed before\n`);
    continue;
  }
  say(`${part.name}…\n`);
  const result = await part
    .run()
    .catch((error: unknown): Result => ({ passed: false, seconds: 0, figures: String(error) }));
  results = { ...results, [part.name]: result };
  await mkdir(path.dirname(resultsFile), { recursive: true });
  await writeFile(resultsFile, JSON.stringify({ state, results }, null, 2));
  say(`${result.passed ? '✓' : '✗'} ${part.name}  ${result.seconds.toFixed(0)} s\n`);
}
await (await services)?.stop();
const summary = Object.fromEntries(chosen.map(({ name }) => [name, results[name]]));
const failed = chosen.filter(({ name }) => results[name]?.passed !== true).map(({ name }) => name);
say(`\n${JSON.stringify({ failed, parts: summary })}\n`);
process.exitCode = failed.length === 0 && chosen.length > 0 ? 0 : 1;
