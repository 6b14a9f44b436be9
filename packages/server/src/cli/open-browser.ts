import { spawn } from 'node:child_process';
import type { CommandIo } from './command-io.ts';

/** The command that opens an address in the browser of a desktop; undefined where there is no desktop. */
function opener(
  platform: NodeJS.Platform,
  env: CommandIo['env'],
): readonly [command: string, ...words: string[]] | undefined {
  if (platform === 'darwin') return ['open'];
  // `start` takes its first quoted word for the title of a window.
  if (platform === 'win32') return ['cmd', '/c', 'start', '""'];
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? ['xdg-open'] : undefined;
}

/** Opens an address in the browser. Resolves to whether a browser was asked for it; never rejects. */
export function openBrowser(
  url: string,
  { env }: Pick<CommandIo, 'env'>,
  platform = process.platform,
): Promise<boolean> {
  const [command, ...words] = opener(platform, env) ?? [];
  if (command === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    // The browser outlives this command, and does not write to its terminal.
    const child = spawn(command, [...words, url], {
      env,
      detached: true,
      stdio: 'ignore',
      windowsVerbatimArguments: platform === 'win32',
    });
    child.on('error', () => resolve(false));
    child.on('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
