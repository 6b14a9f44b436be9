import path from 'node:path';
import { exportDocs } from '../docs/export-docs.ts';
import { complain } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { counted } from './counted.ts';
import { fileProblem } from './file-problem.ts';
import { type FlagHelp, flagLines } from './flag-help.ts';
import { print } from './print.ts';
import { readWords } from './read-words.ts';
import { unknownCommand } from './unknown-command.ts';

const flags: Readonly<Record<string, FlagHelp>> = {
  '--url': { value: 'URL', about: 'where they will be on the web; then there is a sitemap.xml too' },
};

const help = `Usage: tailrace docs export DIR [FLAGS]

Writes the docs that a server shows at /docs as static files, which any web server can show. DIR is new, empty, or has an export,
which is replaced.

${flagLines(flags)}`;

/** `tailrace docs …`. Resolves to the exit status: 0 written, 1 not written, 2 wrong usage. `folders`: where the built docs may lie. */
export async function docsCommand(
  args: readonly string[],
  io: CommandIo,
  folders?: readonly string[],
): Promise<number> {
  const read = readWords(args, { values: ['--url'], switches: ['--help'] });
  const see = 'see tailrace docs --help';
  if (!read.ok) return complain(io, `${read.message}; ${see}`, 2);
  const { words, values, on } = read;
  const [action, given, extra] = words;
  if (on.has('--help') || action === 'help') {
    await print(io, help);
    return 0;
  }
  if (action !== 'export') return complain(io, unknownCommand('docs', action, ['export']), 2);
  if (given === undefined) return complain(io, `docs export needs a folder; ${see}`, 2);
  if (extra !== undefined) return complain(io, `unexpected ${JSON.stringify(extra)}; ${see}`, 2);
  const url = values['--url'];
  if (url !== undefined && !isWebAddress(url))
    return complain(io, `--url takes an address like https://docs.example.org; ${see}`, 2);
  const into = path.resolve(io.cwd, given);
  try {
    const exported = await exportDocs({ folders, into, url: url?.replace(/\/+$/, '') });
    if (exported.type === 'done') {
      io.stderr.write(`tailrace: ${counted(exported.files, 'file')} written to ${given}\n`);
      return 0;
    }
    const why =
      exported.type === 'foreign'
        ? `${given} has files that are no export of the docs, and stays as it is: name a new or an empty folder`
        : 'the docs are not built here; from a clone `npm start` builds them';
    return complain(io, why, 1);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return complain(io, fileProblem(error, given), 1);
    throw error;
  }
}

function isWebAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && search === '' && hash === '';
}
