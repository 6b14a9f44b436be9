import path from 'node:path';
import { parseIni } from './ini.ts';
import type { Environment, Machine } from './machine.ts';

/** What pip on this machine would use to find a package. */
export interface PipSettings {
  readonly indexUrl?: string;
  readonly extraIndexUrls: readonly string[];
  readonly findLinks: readonly string[];
  readonly noIndex: boolean;
  readonly certFile?: string;
  readonly proxy?: string;
}

/**
 * The files that pip reads; a later one has precedence: global, user (old place, new place), virtual environment, and
 * `PIP_CONFIG_FILE`, which replaces the user's own. `/dev/null` in that variable switches all files off.
 */
export function pipConfigFiles(env: Environment, machine: Machine): readonly string[] {
  const named = env['PIP_CONFIG_FILE'];
  if (named === '/dev/null' || named?.toLowerCase() === 'nul') return [];
  const windows = machine.platform === 'win32';
  const name = windows ? 'pip.ini' : 'pip.conf';
  const files: string[] = [];
  if (windows) {
    files.push(path.join(env['PROGRAMDATA'] ?? 'C:\\ProgramData', 'pip', name));
  } else {
    const xdg = (env['XDG_CONFIG_DIRS'] ?? '/etc/xdg').split(':').filter((folder) => folder !== '');
    if (machine.platform === 'darwin') files.push('/Library/Application Support/pip/pip.conf');
    else files.push(...xdg.map((folder) => path.join(folder, 'pip', name)), '/etc/pip.conf');
  }
  if (!named) {
    files.push(path.join(machine.homeDir, windows ? 'pip' : '.pip', name));
    if (windows)
      files.push(path.join(env['APPDATA'] ?? path.join(machine.homeDir, 'AppData', 'Roaming'), 'pip', name));
    else {
      if (machine.platform === 'darwin') {
        files.push(path.join(machine.homeDir, 'Library', 'Application Support', 'pip', name));
      }
      files.push(path.join(env['XDG_CONFIG_HOME'] ?? path.join(machine.homeDir, '.config'), 'pip', name));
    }
  }
  const site = env['VIRTUAL_ENV'];
  if (site) files.push(path.join(site, name));
  if (named) files.push(named);
  return files;
}

/** The environment has precedence over files, a later file over an earlier one, a command's section over `[global]`. */
export function readPipSettings(env: Environment, files: readonly string[]): PipSettings {
  const layers = files.map((text) => parseIni(text));
  const value = (key: string): string | undefined => {
    const fromEnv = env[`PIP_${key.toUpperCase().replaceAll('-', '_')}`];
    if (fromEnv !== undefined && fromEnv !== '') return fromEnv;
    for (const section of ['download', 'install', 'global']) {
      for (const layer of layers.toReversed()) {
        const given = layer.get(section)?.get(key);
        if (given !== undefined && given !== '') return given;
      }
    }
    return undefined;
  };
  const list = (key: string): readonly string[] =>
    (value(key) ?? '').split(/\s+/).filter((word) => word !== '');
  const indexUrl = value('index-url');
  const certFile = value('cert');
  const proxy = value('proxy');
  return {
    ...(indexUrl !== undefined && { indexUrl: indexUrl.trim() }),
    extraIndexUrls: list('extra-index-url'),
    findLinks: list('find-links'),
    noIndex: /^(1|y|yes|t|true|on)$/i.test(value('no-index') ?? ''),
    ...(certFile !== undefined && { certFile }),
    ...(proxy !== undefined && { proxy }),
  };
}
