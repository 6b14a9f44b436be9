import type { UpstreamConfig } from '../../config/config.ts';
import { maxTextBytes, readTextFile } from '../../config/read-text-file.ts';
import type { Environment } from '../../transport/proxy.ts';
import { createTransport, type Transport, type TransportStats } from '../../transport/transport.ts';
import type { Upstream } from '../contract.ts';
import { hiddenTexts } from './hidden-texts.ts';
import type { KeyChange, UpstreamKeys } from './keys/upstream-keys.ts';

/** What the adapter of every provider needs. */
export interface ProviderOptions {
  readonly name: string;
  readonly config: UpstreamConfig;
  /** The environment from which the proxy variables are read. */
  readonly env: Environment;
  /** The timeout of a new connection, in milliseconds. */
  readonly connectMs: number;
  /** The largest event that is read, in bytes. */
  readonly maxEventBytes: number;
  /** How long the finishes are held after the last event, in milliseconds. Default 2,000 (contract, section 7). */
  readonly finishWaitMs?: number;
  /** Unix milliseconds. Default: the system's clock. */
  readonly now?: () => number;
  /** The keys of the upstream that this one replaces; keys that are in both keep their rests. */
  readonly keysBefore?: UpstreamKeys | undefined;
  /** Called where the provider refuses or limits one of several keys, and where it accepts that key again. */
  readonly onKeyChange?: (change: KeyChange) => void;
}

/** The upstream of a provider. */
export interface ProviderUpstream extends Upstream {
  /** Counts of its sockets, for tests that look for leaks. */
  readonly stats: TransportStats;
  /** For the upstream that replaces this one. */
  readonly keys: UpstreamKeys;
  /** Lets running streams, and those still to be opened, run to their end; closes each connection that no stream uses. */
  retire(): void;
  /** Destroys every connection, with the streams on it. */
  close(): void;
}

/** An upstream, or what is wrong with its configuration, one line each. */
export type CreatedProvider =
  | { readonly ok: true; readonly upstream: ProviderUpstream }
  | { readonly ok: false; readonly problems: readonly string[] };

/** How to reach one provider. */
export interface Provider {
  readonly transport: Transport;
  readonly baseUrl: URL;
  /** Texts that no client may see: see `hidden-texts.ts`. */
  readonly hidden: readonly string[];
}

/** A provider, or what is wrong with its configuration, one line each. */
export type CreatedTransport =
  | { readonly ok: true; readonly provider: Provider }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Makes the transport of a provider, to `base_url` or, without one, to `defaultUrl`. A header of the configuration replaces the
 * one of that name in each request. It opens no connection yet. The caller closes the transport.
 */
export async function createProviderTransport(
  { config, env, connectMs }: ProviderOptions,
  defaultUrl: string | undefined,
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
  const sent: Record<string, string> = {};
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

/** The TLS library accepts a file that is empty or cut, and fails only when it connects: so the file is checked here. */
function certificatesProblem(pem: string): string | undefined {
  const count = (mark: RegExp) => pem.match(mark)?.length ?? 0;
  const begun = count(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g);
  if (begun === 0) return 'expected certificates in PEM form, and it has none';
  const ended = count(/-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g);
  return begun === ended ? undefined : 'its last certificate breaks off';
}
