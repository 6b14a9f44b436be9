import type { Config } from '../config/config.ts';

/**
 * Whether a server has the fault lab. `auto`: where nobody but this machine is meant to reach the server. With a `public_url` it
 * is meant to be reached through a proxy.
 */
export function hasFaultLab({ console, server }: Pick<Config, 'console' | 'server'>): boolean {
  if (!console.enabled) return false;
  if (console.faultLab !== 'auto') return console.faultLab;
  return server.listen.loopback && server.publicUrl === undefined;
}
