import type { ListenAddress } from '../config/config.ts';

/** One line for the operator about an error of binding the port. */
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

/** One line for the operator about an error of the data folder. */
export function dataDirProblem(error: unknown, dataDir: string): string {
  const wayOut = 'choose another with --data-dir, or server.data_dir in the configuration';
  switch (systemCode(error)) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `no permission to keep keys in the data folder ${dataDir}; ${wayOut}`;
    case 'EEXIST':
    case 'ENOTDIR':
      return `the data folder ${dataDir} is a file, or is inside one; ${wayOut}`;
    case 'ENOSPC':
      return `the disk is full: the data folder ${dataDir} cannot be written; ${wayOut}`;
    default:
      return `cannot keep keys in the data folder ${dataDir}: ${systemMessage(error)}; ${wayOut}`;
  }
}

function systemMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
