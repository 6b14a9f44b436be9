import type { LoadTarget } from './load/load-job.ts';

/** A gateway that runs already, put beside the others with `--with`. */
export interface Gateway {
  readonly name: string;
  readonly target: LoadTarget;
  /** Its processes; those that descend from them count too. Empty: CPU and memory stay unknown. */
  readonly pids: readonly number[];
}

const form = 'NAME=URL[,key=KEY][,model=MODEL][,pid=PID]…';

/**
 * Reads `NAME=URL[,key=…][,model=…][,pid=…]`; `pid` may be repeated. The URL is that of the chat completions or the base
 * before them: where it has no path, `/v1` is the base. Throws an Error that says what is wrong.
 */
export function parseGateway(text: string): Gateway {
  const [first = '', ...fields] = text.split(',');
  const [, name, address] = /^([^=]+)=(.+)$/.exec(first) ?? [];
  if (name === undefined || address === undefined) throw new Error(`--with takes ${form}, not ${text}`);
  let key = 'bench-key';
  let model = 'bench';
  const pids: number[] = [];
  for (const each of fields) {
    const [, what, value = ''] = /^(key|model|pid)=(.+)$/.exec(each) ?? [];
    if (what === 'key') key = value;
    else if (what === 'model') model = value;
    else if (what === 'pid' && /^\d+$/.test(value)) pids.push(Number(value));
    else throw new Error(`--with takes ${form}; '${each}' is none of these`);
  }
  return { name, target: { ...endpointOf(address), key, model }, pids };
}

function endpointOf(address: string): {
  readonly host: string;
  readonly port: number;
  readonly path: string;
} {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol !== 'http:')
    throw new Error(`--with takes a URL that begins with http://, not ${address}`);
  const path = url.pathname.replace(/\/+$/, '');
  const base = path === '' ? '/v1' : path;
  return {
    host: url.hostname,
    port: Number(url.port || 80),
    path: base.endsWith('/chat/completions') ? base : `${base}/chat/completions`,
  };
}
