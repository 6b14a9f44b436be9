import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The protocols that upstreams speak; each has its own path at the hostile upstream. */
export const dialects = ['openai', 'anthropic', 'gemini'] as const;
export type Dialect = (typeof dialects)[number];

const folder = fileURLToPath(new URL('../../packages/server/src/upstreams/', import.meta.url));

/** The recorded and written streams of a dialect, each as its events; plays are made from them. */
export const goodStreams: Readonly<Record<Dialect, readonly (readonly string[])[]>> = {
  openai: streamsOf('openai'),
  anthropic: streamsOf('anthropic'),
  gemini: streamsOf('gemini'),
};

function streamsOf(dialect: Dialect): readonly (readonly string[])[] {
  const files = globSync(`${dialect}/fixtures/**/*.sse`, { cwd: folder }).toSorted();
  if (files.length === 0) throw new Error(`no recorded streams of ${dialect}`);
  return files.map((file) =>
    readFileSync(folder + file, 'utf8')
      .replaceAll('\r\n', '\n')
      .split('\n\n')
      .filter((event) => event !== '')
      .map((event) => `${event}\n\n`),
  );
}
