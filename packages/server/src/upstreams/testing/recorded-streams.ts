import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createStream, type DialectName, dialects, type MutableStream } from './mutable-stream.ts';
import { readStream } from './read-stream.ts';
import { framesOf } from './stream-bytes.ts';

const folder = fileURLToPath(new URL('../', import.meta.url));

/** The fixtures of all adapters whose stream ends with a finish: their paths below `upstreams/`, and their frames. */
export async function recordedStreams(): Promise<ReadonlyMap<string, MutableStream>> {
  const streams = new Map<string, MutableStream>();
  for (const dialect of dialects) {
    for (const file of globSync(`${dialect}/fixtures/**/*.sse`, { cwd: folder }).toSorted()) {
      const stream = await recordedStream(dialect, readFileSync(folder + file, 'utf8'));
      if (stream !== undefined) streams.set(file, stream);
    }
  }
  return streams;
}

async function recordedStream(dialect: DialectName, text: string): Promise<MutableStream | undefined> {
  const frames = framesOf(text.replaceAll('\r\n', '\n'));
  const choices = /"index": ?1,|"index": ?1\}/.test(text) && dialect === 'gemini' ? 2 : 1;
  const { output } = await readStream(dialect, choices, [Buffer.from(text)], {});
  if (output.failed !== undefined) return undefined;
  const usage = output.usage?.estimated === true ? undefined : output.usage;
  return createStream(dialect, frames, [...output.choices], usage);
}
