import type { CustomFetchOptions } from 'oauth4webapi';
import { isLoopback } from '../../config/units.ts';
import { type Failure, failure } from '../../domain/failure.ts';

/** Thrown by {@link BoundedFetch}, because the library that calls it returns no failures. */
export class ProviderCallFailed extends Error {
  readonly failure: Failure;

  constructor(reason: Failure) {
    super(reason.message);
    this.failure = reason;
  }
}

export type BoundedFetch = (
  url: string,
  options: CustomFetchOptions<string, URLSearchParams | undefined>,
) => Promise<Response>;

/** Metadata and keys of a provider are some kilobytes. */
const maxBodyBytes = 256 * 1024;

/**
 * `fetch` for calls of one provider, whose answers are whole when they return. It sends secrets over https, or to this machine, and
 * follows no redirect. `http`: the issuer is one of this machine, without TLS.
 *
 * Throws {@link ProviderCallFailed}: `upstream_refused` (no answer, or a status of 5xx), `deadline_exceeded` (none before `signal` aborts),
 * `upstream_protocol` (more than 256 KiB, or an address that may not be called).
 */
export function createBoundedFetch({ http, signal }: { http: boolean; signal: AbortSignal }): BoundedFetch {
  return async (url, { method, headers, body }) => {
    if (!mayBeCalled(url, http)) throw new ProviderCallFailed(foreignAddress(url));
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    let response: Response;
    try {
      response = await fetch(url, { method, headers, body: body ?? null, redirect: 'manual', signal });
      bytes = await readBounded(response);
    } catch (error) {
      throw new ProviderCallFailed(signal.aborted ? tooSlow(url) : unreachable(url, error));
    }
    if (bytes === undefined) throw new ProviderCallFailed(tooLarge(url));
    if (response.status >= 500) throw new ProviderCallFailed(broken(url, response.status));
    // A status without a body refuses even an empty one.
    const whole = bytes.length === 0 ? null : bytes;
    const { status, headers: answered } = response;
    return new Response(whole, { status, headers: answered });
  };
}

/** Whether an address of the provider may get a secret, or a browser that signs in. */
export function mayBeCalled(url: string, http: boolean): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return (
    protocol === 'https:' || (http && protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')))
  );
}

/** Undefined where there is more than fits. */
async function readBounded(response: Response): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    // Leaving the loop cancels the body.
    if (length > maxBodyBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces, length);
}

const provider = 'The OpenID Connect provider (auth.oidc.issuer)';

function unreachable(url: string, error: unknown): Failure {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code =
    typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'no answer';
  return failure(
    'upstream_refused',
    `${provider} cannot be reached. Sign in with a key, or try again later.`,
    {
      detail: `${originOf(url)}: ${code}`,
    },
  );
}

function broken(url: string, status: number): Failure {
  const message = `${provider} fails with status ${status}. Sign in with a key, or try again later.`;
  return failure('upstream_refused', message, { detail: `${originOf(url)}: status ${status}` });
}

function tooSlow(url: string): Failure {
  const message = `${provider} does not answer in time. Sign in with a key, or try again later.`;
  return failure('deadline_exceeded', message, { detail: originOf(url) });
}

function tooLarge(url: string): Failure {
  const message = `${provider} has sent an answer that is too large to be one of OpenID Connect.`;
  return failure('upstream_protocol', message, {
    detail: `${originOf(url)}: more than ${maxBodyBytes} bytes`,
  });
}

function foreignAddress(url: string): Failure {
  const message = `${provider} names an address of its own that is not https, so nothing is sent to it.`;
  return failure('upstream_protocol', message, { wording: url });
}

function originOf(url: string): string {
  return new URL(url).origin;
}
