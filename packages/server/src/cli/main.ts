#!/usr/bin/env node
import './process-settings.ts';
import { readsAreStuck } from '../config/read-text-file.ts';
import { version } from '../config/version.ts';
import { didYouMean } from '../domain/nearest.ts';
import type { CommandIo } from './command-io.ts';
import { OutputFailed, print } from './print.ts';

// Each command is imported when it is called: `models list` does not need the server.
const commands: Readonly<Record<string, (args: string[], io: CommandIo) => Promise<number>>> = {
  serve: async (args, io) => (await import('./serve-command.ts')).serveCommand(args, io),
  models: async (args, io) => (await import('./models-command.ts')).modelsCommand(args, io),
  config: async (args, io) => (await import('./config-command.ts')).configCommand(args, io),
  prices: async (args, io) => (await import('./prices-command.ts')).pricesCommand(args, io),
  keys: async (args, io) => (await import('./keys-command.ts')).keysCommand(args, io),
  owners: async (args, io) => (await import('./owners-command.ts')).ownersCommand(args, io),
  usage: async (args, io) => (await import('./usage-command.ts')).usageCommand(args, io),
  console: async (args, io) => (await import('./console-command.ts')).consoleCommand(args, io),
  docs: async (args, io) => (await import('./docs-command.ts')).docsCommand(args, io),
  // Opened only here: no other command reads standard input.
  db: async (args, io) => (await import('./db-command.ts')).dbCommand(args, { ...io, stdin: process.stdin }),
  check: async (args, io) => (await import('./check-command.ts')).checkCommand(args, io),
  wall: async (args, io) => (await import('./wall-command.ts')).wallCommand(args, io),
};

const help = `Usage: tailrace [COMMAND] [FLAGS]

  serve           start the server (--help lists its flags); without a command it is this one
  models pull     download the default model into the cache
  models list     list the models on this machine
  config check    check the configuration and list its problems (--probe calls each upstream)
  prices check    list what each model costs, and which models have no price
  keys            create, list, show, update, rotate, revoke keys (--help)
  owners          create, list, show, update, revoke owners of keys (--help)
  usage           sums of what was used, and budgets (--help)
  console         print an address that signs a browser in, and open it (--help)
  db              export, import and migrate the store (--help)
  docs export     write the docs as static files (--help)
  check URL       judge how an OpenAI-compatible endpoint streams (--help)
  wall            start a server that misbehaves on request (--list names its faults)

  --version       print the version
  --help          print this
`;

const io: CommandIo = {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
};

async function main([name, ...args]: string[]): Promise<number> {
  if (name === '--help' || name === '-h' || name === 'help') {
    await print(io, help);
    return 0;
  }
  if (name === '--version' || name === '-v') {
    await print(io, `${version()}\n`);
    return 0;
  }
  // `npx @tailrace/server` serves, and so does `npx @tailrace/server --model x.gguf`.
  if (name === undefined || name.startsWith('-'))
    return (await commands['serve']?.(name === undefined ? [] : [name, ...args], io)) ?? 2;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    io.stderr.write(
      `tailrace: there is no command ${JSON.stringify(name.slice(0, 64))}${didYouMean(name, Object.keys(commands))}\n\n${help}`,
    );
    return 2;
  }
  return await command(args, io);
}

/** A bug, with its stack, or the loss of standard output. */
function wordsOf(error: unknown): string {
  if (error instanceof OutputFailed) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** exit() instead of exitCode: a handle that a library has left open must not keep the ended server alive. */
function end(code: number): void {
  // exit() would wait for ever for a disk that does not answer.
  if (readsAreStuck()) process.kill(process.pid, 'SIGKILL');
  else process.exit(code);
}

// The exit status says what the lost line would have said.
process.stderr.on('error', () => {});

main(process.argv.slice(2)).then(end, (error: unknown) => {
  const quiet = error instanceof OutputFailed && error.readerLeft;
  if (!quiet) io.stderr.write(`tailrace: ${wordsOf(error)}\n`);
  end(1);
});
