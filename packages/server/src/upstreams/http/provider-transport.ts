import type { UpstreamConfig } from '../../config/config.ts';
import { maxTextBytes, readTextFile } from '../../config/read-text-file.ts';
import type { Environment } from '../../transport/proxy.ts';
import { createTransport, type Transport, type TransportStats } from '../../transport/transport.ts';
import type { Upstream } from '../contract.ts';
import { hiddenTexts } from './hidden-texts.ts';

/** What every provider's adapter is made from. */
export interface ProviderOptions {
  readonly name: string;
  readonly config: UpstreamConfig;
  /** For its proxy variables. */
  readonly env: Environment;
  readonly connectMs: number;
  /** Bytes of one event of a stream. */
  readonly maxEventBytes: number;
  /** How long a finish waits for its usage, in milliseconds. Default 2,000 (contract, section 7). */
  readonly usageWaitMs?: number;
  /** Unix milliseconds. Default: the system's clock. */
  readonly now?: () => number;
}

export interface ProviderUpstream extends Upstream {
  /** Sockets, for those who look after leaks. */
  readonly stats: TransportStats;
  /** Running streams go on to their end, and so do those that still come; nothing stays open behind them. */
  retire(): void;
  /** Destroys every connection, running streams included. */
  close(): void;
}

export type CreatedProvider =
  | { readonly ok: true; readonly upstream: ProviderUpstream }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The way to one provider. */
export interface Provider {
  readonly transport: Transport;
  readonly baseUrl: URL;
  /** Never shown to a client: see `hidden-texts.ts`. */
  readonly hidden: readonly string[];
}

export type CreatedTransport =
  | { readonly ok: true; readonly provider: Provider }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Makes the transport of a provider, to `base_url` or, without one, to `defaultUrl`. A header that the operator
 * names wins over `headers`. Problems are the configuration's. No connection is opened yet; the caller closes
 * the transport.
 */
export async function createProviderTransport(
  { config, env, connectMs }: ProviderOptions,
  defaultUrl: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<CreatedTransport> {
  const address = config.baseUrl ?? defaultUrl;
  if (address === undefined) return { ok: false, problems: [`preset ${config.preset} needs a base_url`] };
  if (!URL.canParse(address)) return { ok: false, problems: ['base_url is not a URL'] };
  const baseUrl = new URL(address);
  let ca: string | undefined;
  if (config.caFile !== undefined) {
    const read = await readTextFile(config.caFile, { maxBytes: maxTextBytes, settled: true });
    const problem = read.ok ? certificatesProblem(read.text) : read.message;
    if (!read.ok || problem !== undefined) {
      return { ok: false, problems: [`ca_file: ${config.caFile}: ${problem}`] };
    }
    ca = read.text;
  }
  const sent: Record<string, string> = { ...headers };
  for (const [name, value] of Object.entries(config.headers)) sent[name.toLowerCase()] = value;
  const transport = createTransport({
    origin: baseUrl,
    headers: sent,
    connectMs,
    env,
    ...(config.proxy === undefined ? {} : { proxy: config.proxy }),
    ...(ca === undefined ? {} : { ca }),
  });
  if (!transport.ok) return { ok: false, problems: [transport.failure.message] };
  return {
    ok: true,
    provider: {
      transport: transport.value,
      baseUrl,
      hidden: hiddenTexts(config, baseUrl, env),
    },
  };
}

/** The TLS library takes an empty file and one that breaks off, and misses the certificates only when it connects. */
function certificatesProblem(pem: string): string | undefined {
  const count = (mark: RegExp) => pem.match(mark)?.length ?? 0;
  const begun = count(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g);
  if (begun === 0) return 'expected certificates in PEM form, and it has none';
  const ended = count(/-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g);
  return begun === ended ? undefined : 'its last certificate breaks off';
}
