import { readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { checkCommand } from '../../packages/server/src/cli/check-command.ts';
import type { CommandIo } from '../../packages/server/src/cli/command-io.ts';
import { configCommand } from '../../packages/server/src/cli/config-command.ts';
import { consoleCommand } from '../../packages/server/src/cli/console-command.ts';
import { dbCommand } from '../../packages/server/src/cli/db-command.ts';
import { docsCommand } from '../../packages/server/src/cli/docs-command.ts';
import { keysCommand } from '../../packages/server/src/cli/keys-command.ts';
import { modelsCommand } from '../../packages/server/src/cli/models-command.ts';
import { ownersCommand } from '../../packages/server/src/cli/owners-command.ts';
import { pricesCommand } from '../../packages/server/src/cli/prices-command.ts';
import { serveCommand } from '../../packages/server/src/cli/serve-command.ts';
import { usageCommand } from '../../packages/server/src/cli/usage-command.ts';
import { wallCommand } from '../../packages/server/src/cli/wall-command.ts';
import { root } from '../run.ts';

type Command = (args: string[], io: CommandIo & { readonly stdin: PassThrough }) => Promise<number>;

/** In the order of `tailrace --help`. */
const commands: Readonly<Record<string, Command>> = {
  serve: serveCommand,
  models: modelsCommand,
  config: configCommand,
  prices: pricesCommand,
  keys: keysCommand,
  owners: ownersCommand,
  usage: usageCommand,
  console: consoleCommand,
  db: dbCommand,
  docs: docsCommand,
  check: checkCommand,
  wall: wallCommand,
};

/** The part of docs/cli.md that the commands print themselves: a section each, with the help of its subcommands. */
export async function cliSections(): Promise<string> {
  const listed = commandsOfMain();
  const lacking = listed.filter((name) => commands[name] === undefined);
  if (lacking.length > 0) throw new Error(`tools/docs/cli-help.ts lacks ${lacking.join(', ')}`);
  const sections: string[] = [];
  for (const [name, command] of Object.entries(commands)) {
    const own = await helpOf(command, []);
    sections.push(`\n## ${name}\n\n${fence(own)}`);
    for (const subcommand of subcommandsIn(own))
      sections.push(`\n### ${name} ${subcommand}\n\n${fence(await helpOf(command, [subcommand]))}`);
  }
  return sections.join('');
}

/** `main.ts` runs when it is imported, so its table is read as text. */
function commandsOfMain(): readonly string[] {
  const text = readFileSync(path.join(root, 'packages/server/src/cli/main.ts'), 'utf8');
  const names = Array.from(text.matchAll(/^ {2}(\w+): async \(/gm), ([, name = '']) => name);
  if (names.length < 5) throw new Error('the commands of cli/main.ts cannot be read');
  return names;
}

async function helpOf(command: Command, words: readonly string[]): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { env: {}, cwd: root, stdout, stderr, stdin: new PassThrough() };
  await command([...words, '--help'], io as never);
  return [stdout, stderr].map((stream) => String(stream.read() ?? '')).join('');
}

/** A help that lists commands, each with help of its own, has a line `…COMMAND --help…`. */
function subcommandsIn(help: string): readonly string[] {
  if (!/COMMAND --help/.test(help)) return [];
  return Array.from(help.matchAll(/^ {2}([a-z][a-z-]+)(?: [A-Z]+)? {2,}\S/gm), ([, name = '']) => name);
}

function fence(text: string): string {
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
}
