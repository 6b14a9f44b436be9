import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Child, startChild } from '../support/child.ts';
import { until } from '../support/until.ts';

const folder = path.join(import.meta.dirname, '../../examples');

/** Why no example can run; undefined where they can. */
export const withoutExamples = existsSync(path.join(folder, 'node_modules'))
  ? undefined
  : 'the packages of the examples are not installed; npm test brings them';

/** Its build takes half a minute of both cores, and its packages much room: only the whole suite has it. */
export const hasNextExample = process.env['TAILRACE_TEST_WHOLE'] !== undefined;

export interface ExampleApp {
  readonly url: string;
  /** What it has said so far. */
  output(): string;
  stop(): Promise<void>;
}

/** The server that an app uses. */
export interface AppServer {
  readonly baseUrl: string;
  readonly apiKey: string;
}

/**
 * Starts the program of an example as its `npm start` does, on a port of its own, with the three variables that every example reads.
 * It listens when it has printed an address.
 */
export async function startExample(
  name: string,
  program: readonly [string, ...string[]],
  { server, model }: { readonly server: AppServer; readonly model: string },
): Promise<ExampleApp> {
  const child = runExample(name, program, {
    PORT: '0',
    TAILRACE_API_KEY: server.apiKey,
    TAILRACE_BASE_URL: `${server.baseUrl}/v1`,
    TAILRACE_MODEL: model,
  });
  const url = await until(`the address of the example ${name}`, 60_000, () => {
    if (child.exit() !== undefined) throw new Error(`${child.stdout()}${child.stderr()}`);
    return /http:\/\/(?:127\.0\.0\.1|localhost):\d+/.exec(child.stdout())?.[0];
  }).catch(async (error: unknown) => {
    await child.end('SIGKILL', 0);
    throw error;
  });
  return {
    url,
    output: () => child.stdout() + child.stderr(),
    stop: async () => void (await child.end('SIGTERM', 10_000)),
  };
}

/** Runs a program in the folder of an example. */
export function runExample(
  name: string,
  program: readonly [string, ...string[]],
  variables: Readonly<Record<string, string>> = {},
): Child {
  const own = Object.entries(process.env).filter(
    ([variable]) => !/^(TAILRACE_|NODE_ENV$|VITEST)/.test(variable),
  );
  return startChild(process.execPath, program, {
    cwd: path.join(folder, name),
    // With `CI` set, tools colour what they print also where no terminal reads it, in the middle of an address too.
    env: { ...Object.fromEntries(own), NO_COLOR: '1', ...variables },
  });
}

/** A file of the examples. */
export function exampleFile(...parts: readonly string[]): string {
  return path.join(folder, ...parts);
}
