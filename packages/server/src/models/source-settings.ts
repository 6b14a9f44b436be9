import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Environment, Machine } from './machine.ts';
import { pipConfigFiles, readPipSettings } from './pip-config.ts';

export interface NetworkSettings {
  /** Empty: no proxy. */
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
  /** PEM files of certificates to trust besides the system's. */
  readonly caFiles: readonly string[];
  readonly netrcFile: string;
}

export interface PythonIndexSettings {
  /** Absent where none is configured: then pip's own default index is used. */
  readonly indexUrl?: string;
  readonly extraIndexUrls: readonly string[];
  /** Folders, pages or files. */
  readonly findLinks: readonly string[];
  /** True: no index may be used. */
  readonly noIndex: boolean;
  readonly network: NetworkSettings;
}

/** Where models are looked for, by the settings of this machine. */
export interface ModelSourceSettings {
  readonly pythonIndex: PythonIndexSettings;
  readonly huggingFace: {
    readonly endpoint: string;
    readonly token?: string;
    readonly network: NetworkSettings;
  };
}

/** Reads pip's files and the environment. Like pip, it treats a file that cannot be read as absent. */
export async function readModelSourceSettings(
  env: Environment,
  machine: Machine,
): Promise<ModelSourceSettings> {
  const texts = await Promise.all(
    pipConfigFiles(env, machine).map((file) => readFile(file, 'utf8').catch(() => '')),
  );
  return modelSourceSettings(env, machine, texts);
}

/** The same from the texts of pip's files; a later one has precedence. */
export function modelSourceSettings(
  env: Environment,
  machine: Machine,
  pipFiles: readonly string[],
): ModelSourceSettings {
  const pip = readPipSettings(env, pipFiles);
  const network = networkSettings(env, machine);
  const uv = uvIndexes(env);
  const indexUrl = pip.indexUrl ?? uv.indexUrl;
  const token = env['HF_TOKEN'];
  return {
    pythonIndex: {
      ...(indexUrl !== undefined && { indexUrl }),
      extraIndexUrls: [...pip.extraIndexUrls, ...uv.extra],
      findLinks: pip.findLinks,
      noIndex: pip.noIndex,
      network: {
        ...network,
        ...(pip.proxy !== undefined && {
          httpProxy: withScheme(pip.proxy),
          httpsProxy: withScheme(pip.proxy),
        }),
        caFiles: pip.certFile === undefined ? network.caFiles : [...network.caFiles, pip.certFile],
      },
    },
    huggingFace: {
      endpoint: (env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, ''),
      ...(token !== undefined && token !== '' && { token }),
      network,
    },
  };
}

function networkSettings(env: Environment, machine: Machine): NetworkSettings {
  const either = (name: string): string => env[name.toLowerCase()] || env[name] || '';
  const all = either('ALL_PROXY');
  const caFiles = [env['NODE_EXTRA_CA_CERTS'], env['SSL_CERT_FILE']].flatMap((file) => (file ? [file] : []));
  return {
    // SOCKS is not supported: a SOCKS proxy in ALL_PROXY is ignored.
    httpProxy: withScheme(either('HTTP_PROXY') || (/^https?:/i.test(all) ? all : '')),
    httpsProxy: withScheme(either('HTTPS_PROXY') || (/^https?:/i.test(all) ? all : '')),
    noProxy: either('NO_PROXY'),
    caFiles: [...new Set(caFiles)],
    netrcFile: env['NETRC'] || path.join(machine.homeDir, machine.platform === 'win32' ? '_netrc' : '.netrc'),
  };
}

/** The variables of uv, for machines with uv and without pip. In `name=url` the name is uv's name of the index. */
function uvIndexes(env: Environment): { readonly indexUrl?: string; readonly extra: readonly string[] } {
  const url = (word: string): string => word.replace(/^[\w-]+=(?=https?:)/, '');
  const first = env['UV_DEFAULT_INDEX'] || env['UV_INDEX_URL'];
  const extra = (env['UV_INDEX'] || env['UV_EXTRA_INDEX_URL'] || '')
    .split(/\s+/)
    .filter((word) => word !== '');
  return { ...(first !== undefined && { indexUrl: url(first) }), extra: extra.map(url) };
}

function withScheme(proxy: string): string {
  return proxy === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}
