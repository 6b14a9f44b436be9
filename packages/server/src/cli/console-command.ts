import { administer, complain } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { consoleAddress } from './console-address.ts';
import { type FlagHelp, flagLines, placeFlagHelp } from './flag-help.ts';
import { openBrowser } from './open-browser.ts';
import { print } from './print.ts';
import { readWords } from './read-words.ts';

const flags: Readonly<Record<string, FlagHelp>> = {
  '--no-open': { about: 'print the address only' },
  ...placeFlagHelp,
};

const help = `Usage: tailrace console [FLAGS]

Prints an address that signs one browser in to the console of the server that runs, and opens it in the browser of this machine
where there is one. The address works once, within 10 minutes. Whoever opens it administers the server.

${flagLines(flags)}`;

/** `tailrace console`. Resolves to the exit status: 0 printed, 1 no server or refused, 2 wrong usage. */
export async function consoleCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const read = readWords(args, {
    values: ['--config', '--data-dir'],
    switches: ['--no-open', '--help'],
  });
  if (!read.ok) return complain(io, `${read.message}; see tailrace console --help`, 2);
  const { words, values, on } = read;
  if (on.has('--help') || words[0] === 'help') {
    await print(io, help);
    return 0;
  }
  if (words[0] !== undefined)
    return complain(io, `unexpected ${JSON.stringify(words[0])}; see tailrace console --help`, 2);
  return administer(
    { config: values['--config'], dataDir: values['--data-dir'], needsServer: true },
    io,
    async (admin) => {
      const { code } = await admin.call('POST', '/admin/v1/session/codes');
      const address = consoleAddress(admin.url, typeof code === 'string' ? code : undefined);
      await print(io, `${address}\n`);
      if (!on.has('--no-open') && !(await openBrowser(address, io)))
        io.stderr.write('tailrace: no browser of this machine can be opened; open the address yourself\n');
    },
    { missing: 'this server has no console (console.enabled: false)' },
  );
}
