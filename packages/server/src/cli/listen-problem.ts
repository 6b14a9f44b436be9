import type { ListenAddress } from '../config/config.ts';

/** One clear line for what the system said about binding. */
export function listenProblem(error: unknown, { host, port }: ListenAddress): string {
  const place = `${host}:${port}`;
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use; stop what listens there, or choose another with --listen ${host}:PORT`;
    case 'EACCES':
      return `no permission to listen on ${place}; ports below 1024 need it, another comes with --listen`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `this machine has no address ${host}; set another with --listen`;
    default:
      return `cannot listen on ${place}: ${systemMessage(error)}`;
  }
}

export function systemMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
