import { fileURLToPath } from 'node:url';
import { type Exit, startChild } from './child.ts';
import { createScratch } from './scratch.ts';
import { until } from './until.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const entry = 'packages/server/src/cli/main.ts';
const apiKey = 'tr_test_5f1d7c0b9a3e4826';
const adminKey = 'tr_admin_c2b8e6014d7f49a5';
const startWithinMs = 90_000;

export type ConfigTree = Readonly<Record<string, unknown>>;

export interface ServerOptions {
  /** The configuration as a tree; it is written as JSON, which is YAML. */
  readonly config?: ConfigTree;
  /** Files beside the configuration: name → text, or a tree written as JSON. Scripts of scripted upstreams. */
  readonly files?: Readonly<Record<string, string | ConfigTree>>;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Its data folder, which the caller removes; otherwise it has one of its own, which is gone after `stop()`. */
  readonly dataDir?: string;
  /** A program that starts the server: it gets the command line as its arguments. */
  readonly under?: readonly [string, ...string[]];
  /**
   * `default`: SmolLM2 from the cache, where `npm test` put it. `random`: a two-layer model made here, under
   * the id `random`. `none`: no engine.
   */
  readonly model: 'default' | 'random' | 'none';
  /** Requests the engine runs at once. Default 8 (`random`: 2). */
  readonly sequences?: number;
  /** Tokens a sequence of the `random` model, a byte of the prompt each. Default 512. */
  readonly context?: number;
}

export interface TestServer {
  readonly baseUrl: string;
  readonly port: number;
  readonly apiKey: string;
  readonly adminKey: string;
  readonly pid: number;
  /** The file it was started with, for tests that reload it. */
  readonly configFile: string;
  readonly exited: Promise<Exit>;
  /** Drains (SIGTERM) and checks that it went well: exit 0, no stack trace on standard error. Once is enough. */
  stop(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** kill -9 to its whole process group, for tests of that; `stop()` then reports nothing. */
  kill(): Promise<void>;
  /** Announces that the process will end by itself, so that `stop()` does not report a crash. */
  expectExit(): Promise<Exit>;
  logs(): string;
}

/** Tests also run on busy machines, which delay the loop of an idle server. Tests of shedding set their own limit. */
const shedsNothing: ConfigTree = { shed: { loop_delay: 'off' } };

/** Starts the real command line with this Node on a port of its own; the caller stops it. */
export async function startServer(options: ServerOptions): Promise<TestServer> {
  const scratch = createScratch('server');
  const config: Record<string, unknown> = {
    ...options.config,
    server: { ...shedsNothing, ...(options.config?.['server'] as ConfigTree | undefined) },
    ...(await engineSection(options, scratch.path)),
  };
  for (const [name, content] of Object.entries(options.files ?? {})) {
    scratch.write(name, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  }
  const configFile = scratch.write('tailrace.yaml', JSON.stringify(config, null, 2));
  const [program, ...args] = [
    ...(options.under ?? []),
    process.execPath,
    '--conditions=tailrace-source',
    entry,
    'serve',
    ...['--config', configFile, '--listen', '127.0.0.1:0'],
    ...['--data-dir', options.dataDir ?? `${scratch.path}/data`],
    ...(options.flags ?? []),
  ];
  const child = startChild(program, args, {
    cwd: root,
    env: serverEnvironment(options.env ?? {}),
    ownGroup: true,
  });
  let exitExpected = false;
  let stopped = false;
  const fail = (why: string): Error =>
    new Error(`${why}\n--- standard error of the server:\n${child.stderr()}`);

  let baseUrl: string;
  try {
    baseUrl = await until('the line that says the server listens', startWithinMs, () => {
      const exit = child.exit();
      if (exit !== undefined) throw fail(`the server ended at start: ${JSON.stringify(exit)}`);
      return /^tailrace: listening on (http:\/\/\S+)$/m.exec(child.stdout())?.[1];
    });
  } catch (error) {
    await child.end('SIGKILL', 0);
    scratch.remove();
    throw error;
  }

  return {
    baseUrl,
    port: Number(new URL(baseUrl).port),
    apiKey,
    adminKey,
    pid: child.pid,
    configFile,
    exited: child.exited,
    signal: (signal) => void child.process.kill(signal),
    logs: () => child.stderr(),
    async expectExit() {
      exitExpected = true;
      return child.exited;
    },
    async kill() {
      exitExpected = true;
      await child.killGroup();
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      try {
        const early = child.exit();
        if (early !== undefined && !exitExpected) {
          throw fail(`the server died during the tests: ${JSON.stringify(early)}`);
        }
        const exit = early ?? (await child.end('SIGTERM', 20_000));
        if (!exitExpected && exit.code !== 0) throw fail(`the drain ended with ${JSON.stringify(exit)}`);
        // A line `at file:line:column` is a stack trace: nothing that a client sends may cause one.
        if (/^\s+at .+:\d+:\d+\)?$/m.test(child.stderr()))
          throw fail('a stack trace on standard error of the server');
      } finally {
        scratch.remove();
      }
    },
  };
}

/** The environment of this process without variables that would configure the server unnoticed. */
function serverEnvironment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('TAILRACE_') || name === 'TAILRACE_CACHE_DIR',
  );
  return {
    ...Object.fromEntries(inherited),
    TAILRACE_API_KEY: apiKey,
    TAILRACE_ADMIN_KEY: adminKey,
    ...extra,
  };
}

async function engineSection(options: ServerOptions, folder: string): Promise<ConfigTree> {
  const given = (options.config?.['engine'] ?? {}) as ConfigTree;
  switch (options.model) {
    case 'none':
      return { engine: { ...given, enabled: false } };
    case 'random': {
      const { writeRandomGguf } = await import('./random-gguf.ts');
      const file = `${folder}/random.gguf`;
      const context = options.context ?? 512;
      await writeRandomGguf(file, { seed: 1, contextLength: context });
      const random = { file, sequences: options.sequences ?? 2, context };
      return { engine: { ...given, models: { random } } };
    }
    case 'default': {
      // A developer's own copy of the file saves the download.
      const file = process.env['TAILRACE_TEST_MODEL'];
      const sized = {
        ...(file === undefined ? {} : { file }),
        sequences: options.sequences ?? 8,
        context: 2048,
      };
      return { engine: { ...given, models: { 'smollm2-135m-instruct': sized } } };
    }
  }
}
