import { parseListen } from '../config/units.ts';
import { listenForShutdown } from '../service/shutdown.ts';
import { listenProblem } from '../service/system-problem.ts';
import { faults } from '../wall/catalogue.ts';
import { faultList } from '../wall/fault-list.ts';
import { createWall } from '../wall/wall.ts';
import { complain } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { print } from './print.ts';
import { readWords } from './read-words.ts';

const defaultListen = '127.0.0.1:8643';

const usage = `Usage: tailrace wall [flags]

  An OpenAI-compatible server that misbehaves on request: by model name (wall/cut-fin:3) or by the header
  x-wall-fault. It takes any key. GET /wall/stats shows counters, POST /wall/reset sets them to 0.

  --listen HOST:PORT address to serve on (default: ${defaultListen})
  --list             print the faults
  --help             this text
`;

/**
 * `tailrace wall`. Resolves to the exit status: 0 listed, or ended by SIGINT or SIGTERM; 1 cannot listen;
 * 2 wrong usage.
 */
export async function wallCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const asked = parse(args);
  switch (asked.kind) {
    case 'refused':
      return complain(io, asked.message, 2);
    case 'help':
      await print(io, usage);
      return 0;
    case 'list':
      await print(io, faultList(faults));
      return 0;
    case 'serve':
      return await serve(asked.listen, io);
  }
}

async function serve(listen: string, io: CommandIo): Promise<number> {
  const address = parseListen(listen);
  if (address === undefined) {
    return complain(
      io,
      `--listen: expected HOST:PORT such as ${defaultListen}, got ${JSON.stringify(listen)}`,
      2,
    );
  }
  const shutdown = listenForShutdown({ terminal: io.stdout.isTTY === true, onReload: () => {} });
  const wall = createWall({
    onBug: (error) =>
      io.stderr.write(
        `tailrace wall: a bug closed a connection: ${error instanceof Error ? error.stack : error}\n`,
      ),
  });
  try {
    const port = await wall.listen(address);
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    io.stdout.write(`tailrace wall: listening on http://${host}:${port}\n`);
    io.stderr.write(
      `Base URL http://${host}:${port}/v1, models wall/<fault> (tailrace wall --list); connections are refused at port ${wall.stats().refuse_port}.\n`,
    );
    await shutdown.asked;
    return 0;
  } catch (error) {
    return complain(io, listenProblem(error, address), 1);
  } finally {
    await wall.close();
  }
}

type Asked =
  | { readonly kind: 'help' | 'list' }
  | { readonly kind: 'serve'; readonly listen: string }
  | { readonly kind: 'refused'; readonly message: string };

function parse(args: readonly string[]): Asked {
  const read = readWords(args, { values: ['--listen'], switches: ['--list', '--help'] });
  if (!read.ok) return { kind: 'refused', message: `${read.message}; see tailrace wall --help` };
  const { words, values, on } = read;
  if (on.has('--help') || words[0] === 'help') return { kind: 'help' };
  if (words[0] !== undefined)
    return { kind: 'refused', message: `unexpected ${JSON.stringify(words[0])}; see tailrace wall --help` };
  if (on.has('--list')) return { kind: 'list' };
  return { kind: 'serve', listen: values['--listen'] ?? defaultListen };
}
