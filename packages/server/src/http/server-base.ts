/** A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port: nothing else of RFC 3986's authority. */
const hostForm = /^(?:[a-z0-9](?:[a-z0-9._-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/**
 * The URL under which a client has reached this server, without a slash at its end: `server.public_url`, which may have a path, else
 * that of the `Host`; undefined for a `Host` that is none, or is missing (HTTP/1.0). `X-Forwarded-…` is not read, because a client can
 * send it through a proxy that does not set it; behind TLS or a path, set `server.public_url`.
 */
export function serverBase(publicUrl: string | undefined, host: string | undefined): string | undefined {
  return publicUrl === undefined ? originOf(host) : withoutEnd(publicUrl);
}

function originOf(host: string | undefined): string | undefined {
  if (host === undefined || !hostForm.test(host)) return undefined;
  const url = `http://${host}`;
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

function withoutEnd(publicUrl: string): string {
  const { origin, pathname } = new URL(publicUrl);
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}
