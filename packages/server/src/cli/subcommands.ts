import { type FlagHelp, flagLines, placeFlagHelp, whereAsked } from './flag-help.ts';
import { readWords } from './read-words.ts';
import { unknownCommand } from './unknown-command.ts';

/** One of the commands behind `tailrace keys` or `tailrace owners`. */
export interface Subcommand<Flag extends string> {
  /** What its only word is; absent: it takes none. */
  readonly takes?: 'the id of a key' | 'the id of an owner';
  /** One line for the list of commands. */
  readonly about: string;
  /** Sentences for its own help. */
  readonly detail: string;
  readonly flags: readonly Flag[];
  /** In the place of the group's, for flags that mean something else here. */
  readonly flagHelp?: Readonly<Partial<Record<Flag, FlagHelp>>>;
  /** At least one of its flags has to be given. */
  readonly needsFlag?: boolean;
  /** What comes behind `tailrace keys create`. */
  readonly examples: readonly string[];
}

/** All the commands of one kind of thing. */
export interface SubcommandGroup<Name extends string, Flag extends string> {
  /** `keys`. */
  readonly noun: string;
  readonly about: string;
  readonly commands: Readonly<Record<Name, Subcommand<Flag>>>;
  readonly flagHelp: Readonly<Record<Flag, FlagHelp>>;
}

/** What the words behind `tailrace keys` ask for. */
export type SubcommandAsked<Name extends string, Flag extends string> =
  | { readonly type: 'help'; readonly text: string }
  /** One line for standard error; the exit status is 2. */
  | { readonly type: 'refused'; readonly message: string }
  | {
      readonly type: 'asked';
      readonly command: Name;
      /** Empty where the command takes none. */
      readonly id: string;
      readonly values: { readonly [_ in Flag]?: string };
      readonly on: ReadonlySet<Flag>;
      readonly json: boolean;
      readonly place: { readonly config: string | undefined; readonly dataDir: string | undefined };
    };

/** Reads the words behind `tailrace keys` or `tailrace owners`. The values of flags are not checked here. */
export function readSubcommand<Name extends string, Flag extends string>(
  group: SubcommandGroup<Name, Flag>,
  args: readonly string[],
): SubcommandAsked<Name, Flag> {
  const { noun, commands, flagHelp } = group;
  const flags = Object.keys(flagHelp) as Flag[];
  const read = readWords(args, {
    values: [...flags.filter((flag) => flagHelp[flag].value !== undefined), '--config', '--data-dir'],
    switches: [...flags.filter((flag) => flagHelp[flag].value === undefined), '--json', '--help'],
  });
  const names = Object.keys(commands) as Name[];
  if (!read.ok) {
    const named = names.find((one) => args[0] === one);
    return refused(`${read.message}; see tailrace ${named === undefined ? noun : `${noun} ${named}`} --help`);
  }
  const { words, values, on } = read;
  const [asked, ...rest] = words[0] === 'help' ? words.slice(1) : words;
  const name = names.find((one) => one === asked);
  if (on.has('--help') || words[0] === 'help') {
    return { type: 'help', text: name === undefined ? groupHelp(group) : subcommandHelp(group, name) };
  }
  if (name === undefined) return refused(unknownCommand(noun, asked, names));
  const command = commands[name];
  const see = `see tailrace ${noun} ${name} --help`;
  const [id, extra] = command.takes === undefined ? [undefined, rest[0]] : rest;
  if (command.takes !== undefined && id === undefined)
    return refused(`${noun} ${name} needs ${command.takes}; ${see}`);
  if (extra !== undefined) return refused(`unexpected ${JSON.stringify(extra)}; ${see}`);
  const given = flags.filter((flag) => values[flag] !== undefined || on.has(flag));
  const misplaced = given.find((flag) => !command.flags.includes(flag));
  if (misplaced !== undefined) {
    const owners = names.filter((one) => commands[one].flags.includes(misplaced));
    return refused(
      `${misplaced} goes with ${noun} ${conjunction.format(owners)}, not with ${noun} ${name}; ${see}`,
    );
  }
  if (command.needsFlag === true && given.length === 0)
    return refused(`${noun} ${name} needs a flag with what to change; ${see}`);
  return {
    type: 'asked',
    command: name,
    id: id ?? '',
    values: values as { readonly [_ in Flag]?: string },
    on: on as ReadonlySet<Flag>,
    json: on.has('--json'),
    place: { config: values['--config'], dataDir: values['--data-dir'] },
  };
}

const conjunction = new Intl.ListFormat('en-GB');

function refused(message: string): { readonly type: 'refused'; readonly message: string } {
  return { type: 'refused', message };
}

function groupHelp<Name extends string, Flag extends string>({
  noun,
  about,
  commands,
}: SubcommandGroup<Name, Flag>): string {
  const lines = flagLines(
    Object.fromEntries(
      Object.entries<Subcommand<Flag>>(commands).map(([name, command]) => [
        command.takes === undefined ? name : `${name} ID`,
        command,
      ]),
    ),
  );
  return `Usage: tailrace ${noun} COMMAND [FLAGS]

${about}

${lines}
tailrace ${noun} COMMAND --help shows the flags of a command, with examples.
${whereAsked}
`;
}

function subcommandHelp<Name extends string, Flag extends string>(
  { noun, commands, flagHelp }: SubcommandGroup<Name, Flag>,
  name: Name,
): string {
  const { takes, detail, flags, examples, flagHelp: ownHelp = {} } = commands[name];
  const helpOf: Readonly<Record<Flag, FlagHelp>> = { ...flagHelp, ...ownHelp };
  const own = Object.fromEntries(flags.map((flag) => [flag, helpOf[flag]]));
  const lines = flagLines({ ...own, '--json': { about: 'print JSON' }, ...placeFlagHelp });
  return `Usage: tailrace ${noun} ${name}${takes === undefined ? '' : ' ID'} [FLAGS]

${detail}

${lines}
${examples.length === 1 ? 'Example' : 'Examples'}:
${examples.map((words) => `  tailrace ${noun} ${name}${words === '' ? '' : ` ${words}`}\n`).join('')}
${whereAsked}
`;
}
