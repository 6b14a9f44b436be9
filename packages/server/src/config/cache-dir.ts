import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { type Environment, environmentVariable } from './environment.ts';

/** What of a machine decides where caches are. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly homeDir: string;
}

export function thisMachine(homeOf: () => string = homedir): Machine {
  return { platform: process.platform, homeDir: homeOr(homeOf) };
}

/** Node throws where a user has no HOME and is unknown to the machine, as one of a container. Container runtimes make its home `/`. */
function homeOr(homeOf: () => string): string {
  try {
    return homeOf();
  } catch {
    return '/';
  }
}

/** The cache folder of this platform. A relative path in `XDG_CACHE_HOME` is ignored, as its specification demands. */
export function defaultCacheDir(env: Environment, { platform, homeDir }: Machine): string {
  if (platform === 'darwin') return join(homeDir, 'Library', 'Caches', 'tailrace');
  if (platform === 'win32')
    return join(environmentVariable(env, 'LOCALAPPDATA') ?? join(homeDir, 'AppData', 'Local'), 'tailrace');
  const xdg = environmentVariable(env, 'XDG_CACHE_HOME');
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homeDir, '.cache'), 'tailrace');
}
