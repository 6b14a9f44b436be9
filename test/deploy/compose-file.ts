import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

export const deploy = path.join(import.meta.dirname, '../../deploy');

/** A service of compose.yaml, as far as a test starts it as a process. */
export interface ComposeService {
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly stop_signal?: string;
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** compose.yaml with these values for its variables. Throws where one that it demands (`${NAME:?…}`) is missing or empty. */
export function readComposeFile(values: Readonly<Record<string, string>>): ComposeFile {
  const text = readFileSync(path.join(deploy, 'compose.yaml'), 'utf8');
  const filled = text.replaceAll(
    /\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, kind: string | undefined, rest: string | undefined) => {
      const value = values[name] ?? '';
      if (value !== '') return value;
      if (kind === '?') throw new Error(`compose.yaml demands ${name}: ${rest}`);
      return kind === '-' ? (rest ?? '') : '';
    },
  );
  return parse(filled, { merge: true }) as ComposeFile;
}

/** The file of deploy/ that a service has at this place. */
export function mounted({ volumes = [] }: ComposeService, at: string): string {
  const volume = volumes.find((one) => one.split(':')[1] === at);
  if (volume === undefined) throw new Error(`nothing is mounted at ${at}`);
  return path.join(deploy, volume.split(':')[0] ?? '');
}

/** Milliseconds of `45s`. */
export function millisecondsOf(duration: string | undefined): number {
  const seconds = /^([0-9]+)s$/.exec(duration ?? '')?.[1];
  if (seconds === undefined) throw new Error(`not in seconds: ${duration}`);
  return Number(seconds) * 1000;
}
