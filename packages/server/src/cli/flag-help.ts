/** A flag in a help text: the name of its value, or none for a switch, and what it does. */
export interface FlagHelp {
  readonly value?: string;
  readonly about: string;
}

/** The flags with which a command finds its server or its store. */
export const placeFlagHelp = {
  '--config': {
    value: 'FILE',
    about: 'the configuration (default: TAILRACE_CONFIG, else ./tailrace.yaml where present)',
  },
  '--data-dir': { value: 'DIR', about: 'the data folder of the server' },
} as const satisfies Readonly<Record<string, FlagHelp>>;

/** What a command that calls the administration says under its flags. */
export const whereAsked = 'The server that runs is asked; where none runs, its store is opened.';

/** One line for each flag, the descriptions under each other. */
export function flagLines(flags: Readonly<Record<string, FlagHelp>>): string {
  const forms = Object.entries(flags).map(
    ([name, { value, about }]) => [value === undefined ? name : `${name} ${value}`, about] as const,
  );
  const width = Math.max(...forms.map(([form]) => form.length));
  return forms.map(([form, about]) => `  ${form.padEnd(width)}  ${about}\n`).join('');
}
