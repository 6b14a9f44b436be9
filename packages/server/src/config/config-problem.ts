/** Keys and list positions from the root of the configuration to a value. */
export type ConfigPath = readonly (string | number)[];

/** One mistake in a configuration. It is returned and printed, never thrown. */
export interface ConfigProblem {
  /** The file, relative to the working directory where possible; or the environment variable, or the flag. */
  readonly source: string;
  /** Counted from 1; absent where the source is no file. */
  readonly line?: number;
  readonly column?: number;
  /** `models.acme/chat.targets[0].upstream`; empty for the file as a whole. */
  readonly path: string;
  /** What was expected and what was found, with secrets masked. */
  readonly message: string;
}

/** A problem of a reload: a mistake in the file, or another reason, which has a message alone. */
export type ReloadProblem = Pick<ConfigProblem, 'message'> & Partial<ConfigProblem>;

/** `tailrace.yaml:12: models.acme/chat.targets[0].upstream: expected …, got …`. */
export function formatProblem({ source, line, path = '', message }: ReloadProblem): string {
  if (source === undefined) return message;
  const where = line === undefined ? source : `${source}:${line}`;
  return path === '' ? `${where}: ${message}` : `${where}: ${path}: ${message}`;
}

export function formatPath(path: ConfigPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

/** A message about a value: it shows one of the file, and for one of the environment it names the variable. */
export interface ValueMessage {
  readonly inFile: string;
  /** `shown` replaces the value in the message: `the value of ${NAME}`. */
  fromEnvironment(shown: string): string;
}

/** `expected …, got …`. A value that may be a secret is masked. */
export function expected(what: string, value: unknown, path: ConfigPath, hint = ''): ValueMessage {
  return {
    inFile: `expected ${what}, got ${showValue(value, path)}${hint}`,
    // Without the hint: a similar name would reveal a part of the value, which may be a secret.
    fromEnvironment: (shown) => `expected ${what}, got ${shown}${value === '' ? ', which is empty' : ''}`,
  };
}

/** `"…" is already …`: a message that begins with a value. */
export function valueIs(value: string, what: string): ValueMessage {
  return { inFile: `"${showText(value)}" ${what}`, fromEnvironment: (shown) => `${shown} ${what}` };
}

const secretKeys = new Set([
  'api_key',
  'api_keys',
  'admin_keys',
  'client_secret',
  'headers',
  'proxy',
  'database_url',
  'redis_url',
  'secret',
]);
const keyShaped =
  /^(?:bearer\s|[a-z]{2,6}[-_])?[A-Za-z0-9_-]{32,}$|^(?:sk|tr|tl|tns|pk|gsk|xai|hf|r8)[-_]\S{8,}$/i;
const urlCredentials = /\/\/[^/?#\s]*@/g;
// Characters of a file that would control the terminal, or change the direction of reading.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** True where the value at that path may be a secret. */
export function isSecret(path: ConfigPath): boolean {
  return path.some((step) => typeof step === 'string' && secretKeys.has(step));
}

function showValue(value: unknown, path: ConfigPath): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (isSecret(path)) return value === '' ? 'an empty text' : '*** (not shown)';
  if (typeof value === 'string') return `"${showText(value)}"`;
  return typeof value === 'number' || typeof value === 'boolean' ? `${value}` : typeof value;
}

/** A text from outside for use in a message: shortened, printable, and `***` where it looks like a key. */
export function showText(text: string): string {
  if (keyShaped.test(text)) return '***';
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return short
    .replace(urlCredentials, '//***@')
    .replace(unprintable, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
