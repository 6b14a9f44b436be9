import type { ConfigFlags } from '../config/overrides.ts';
import { flagHint } from './flag-hint.ts';

/** The flags of `tailrace serve`. */
export interface ServeFlags extends ConfigFlags {
  readonly help: boolean;
}

export type ParsedFlags<T> =
  | { readonly ok: true; readonly flags: T }
  /** One line for standard error; the exit status is 2. */
  | { readonly ok: false; readonly message: string };

const valued = {
  '--config': 'config',
  '--listen': 'listen',
  '--model': 'model',
  '--data-dir': 'dataDir',
  '--workers': 'workers',
} as const satisfies Readonly<Record<string, keyof ConfigFlags>>;

type ValuedFlag = keyof typeof valued;

export const serveUsage = `Usage: tailrace serve [FLAGS]

  --config FILE      the configuration (default: TAILRACE_CONFIG, else ./tailrace.yaml where present)
  --listen HOST:PORT address to serve on (default: 127.0.0.1:7245)
  --model FILE.gguf  serve this model, under its file name and as "default"
  --data-dir DIR     folder of the keys and the database (default: ./data)
  --no-engine        start without a local model
  --workers N        processes that answer requests, as one service (default: 1)
  --help             this text
`;

/**
 * Reads the words after `serve`: `--flag value` or `--flag=value`; of a repeated flag the last one counts. Here it is only
 * checked that a value is there; `config/` checks the value.
 */
export function parseServeFlags(argv: readonly string[]): ParsedFlags<ServeFlags> {
  const values: { -readonly [Key in (typeof valued)[ValuedFlag]]?: string } = {};
  let noEngine = false;
  let help = false;
  const words = argv.values();
  for (const word of words) {
    const { name, inline } = split(word);
    if (name === '-h' || name === '--help' || name === '--no-engine') {
      if (inline !== undefined) return refuse(`${name} takes no value`);
      if (name === '--no-engine') noEngine = true;
      else help = true;
    } else if (isValued(name)) {
      const value = inline ?? words.next().value ?? '';
      if (value === '' || (inline === undefined && value.startsWith('--')))
        return refuse(`${name} needs a value`);
      values[valued[name]] = value;
    } else if (name.startsWith('-')) {
      const known = [...Object.keys(valued), '--no-engine', '--help'];
      return refuse(
        `unknown flag ${JSON.stringify(name)}${hintFor(name) ?? flagHint(name, known)}; ${helpHint}`,
      );
    } else {
      // npm takes the flags before `--` as its own, and passes on only their values.
      return refuse(
        `unexpected ${JSON.stringify(word)}: flags must follow "--" (npm start -- --listen …); ${helpHint}`,
      );
    }
  }
  return { ok: true, flags: { ...values, ...(noEngine && { noEngine }), help } };
}

const helpHint = 'npm start -- --help lists the flags';

/** Flags that other servers have. */
function hintFor(name: string): string | undefined {
  if (/^--?(port|p|host|bind|address)$/.test(name)) return ' (use --listen HOST:PORT)';
  if (/^--?(key|api-key)$/.test(name)) return ' (set TAILRACE_API_KEY in the environment)';
  return undefined;
}

function isValued(name: string): name is ValuedFlag {
  return Object.hasOwn(valued, name);
}

function split(word: string): { readonly name: string; readonly inline: string | undefined } {
  const sign = word.startsWith('--') ? word.indexOf('=') : -1;
  if (sign === -1) return { name: word, inline: undefined };
  return { name: word.slice(0, sign), inline: word.slice(sign + 1) };
}

function refuse(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}
