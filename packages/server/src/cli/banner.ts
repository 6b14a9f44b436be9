import type { Config } from '../config/config.ts';
import { defaultModel } from '../config/names.ts';
import type { ServingFacts } from '../service/serve.ts';
import type { ShownKey } from '../service/serving-keys.ts';
import { counted } from './counted.ts';

export interface BannerFacts {
  /** `http://127.0.0.1:7245`, without `/v1`. */
  readonly url: string;
  readonly key: ShownKey;
  /** The file of the generated admin key. */
  readonly adminFile: string | undefined;
  /** {@link consoleAddress}, where the banner shows it. */
  readonly console: string | undefined;
  /** Lines about the served models, ready to print. */
  readonly models: readonly string[];
  /** Whether any model is configured. Without one the banner shows no commands to try. */
  readonly serves: boolean;
  /** True: the banner shows the key itself. False: its commands read the key from its file. */
  readonly terminal: boolean;
}

/** Models that the banner names at most; `GET /v1/models` lists all. */
const maxNamed = 8;

/** `Models: acme/chat (default), acme/careful`. Empty where all models are the engine's: `engineLines` names those. */
export function modelsLine({ models, engine }: Pick<Config, 'models' | 'engine'>): readonly string[] {
  if ([...models.keys()].every((id) => engine.models.has(id))) return [];
  const names = [...models].map(([id, { aliases }]) =>
    aliases.includes(defaultModel) ? `${id} (default)` : id,
  );
  const more = names.length > maxNamed ? ` and ${names.length - maxNamed} more` : '';
  return [`Models: ${names.slice(0, maxNamed).join(', ')}${more}`];
}

/** `Engine: smollm2, 8 sequences of 2048 tokens, 3 threads` for each model that the engine has loaded. */
export function engineLines(engine: ServingFacts['engine']): readonly string[] {
  return (engine?.models() ?? []).flatMap((id) => {
    const info = engine?.describe(id);
    if (info === undefined) return [];
    const { sequences, contextLength, threads } = info;
    return [
      `Engine: ${id}, ${counted(sequences, 'sequence')} of ${contextLength} tokens, ${counted(threads, 'thread')}`,
    ];
  });
}

/**
 * The text that a start prints: address, keys, and commands for a new user to copy. Commands begin at the left margin and
 * contain nothing that another start changes, so that they can be copied later, also from a log file.
 */
export function banner({ url, key, adminFile, console, models, serves, terminal }: BannerFacts): string {
  const shellKey = keyForShell(key, terminal);
  const pythonKey = keyForPython(key, terminal);
  const lines = ['', `Tailrace serves OpenAI's chat completions at  ${url}/v1`, ...models];
  if (key.type === 'file') {
    lines.push(`API key: ${terminal ? `${key.key}  (kept in ${key.file})` : key.file}`);
  } else if (key.type === 'configured') {
    lines.push(
      'API key: one of the configured keys. The commands below read it from TAILRACE_API_KEY:',
      'in another terminal, set that first (export TAILRACE_API_KEY=…).',
    );
  } else lines.push('API key: not required (auth.required: false)');
  if (adminFile !== undefined) lines.push(`Admin key: ${adminFile}`);
  // Only a person at a terminal may have it: it signs a browser in as an administrator.
  if (terminal && console !== undefined) {
    const once = console.includes('#') ? '  (signs one browser in, once, within 10 minutes)' : '';
    lines.push(`Playground and console: ${console}${once}`);
  }
  if (!serves) {
    lines.push('', 'No model is configured yet: see docs/configuration.md.', '');
    return lines.join('\n');
  }
  lines.push(
    '',
    'Try it:',
    '',
    `curl -N ${url}/v1/chat/completions ${key.type === 'none' ? '' : `-H "Authorization: Bearer ${shellKey}" `}` +
      `-H "Content-Type: application/json" ` +
      `-d '{"model": "default", "stream": true, "messages": [{"role": "user", "content": "What is gravity?"}]}'`,
    '',
    'Or with an OpenAI SDK (pip install openai):',
    '',
    "python3 - <<'END'",
    ...(key.type === 'configured' ? ['import os'] : []),
    'from openai import OpenAI',
    `client = OpenAI(base_url="${url}/v1", api_key=${pythonKey})`,
    'stream = client.chat.completions.create(model="default", stream=True,',
    '    messages=[{"role": "user", "content": "What is gravity?"}])',
    'for chunk in stream:',
    '    print(chunk.choices[0].delta.content or "", end="", flush=True)',
    'print()',
    'END',
    '',
    '',
  );
  return lines.join('\n');
}

function keyForShell(key: ShownKey, terminal: boolean): string {
  switch (key.type) {
    case 'file':
      return terminal ? key.key : `$(cat ${shellQuote(key.file)})`;
    case 'configured':
      return '$TAILRACE_API_KEY';
    case 'none':
      return '';
  }
}

function keyForPython(key: ShownKey, terminal: boolean): string {
  switch (key.type) {
    case 'file':
      return terminal ? JSON.stringify(key.key) : `open(${JSON.stringify(key.file)}).read().strip()`;
    case 'configured':
      return 'os.environ["TAILRACE_API_KEY"]';
    case 'none':
      return '"none"';
  }
}

function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
