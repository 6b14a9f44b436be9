import type { RequestHeaders } from './extract-key.ts';

/*
 * A browser sends its cookies with requests that other pages cause too. `SameSite=Strict` keeps them from pages of other sites,
 * but every port of a host is the same site. So what stands on a cookie must name this server as its origin, in a header that no
 * page can forge.
 */

/** Whether a page of this server has sent the request. `publicUrl`: `server.public_url`. */
export function comesFromOwnPage(headers: RequestHeaders, publicUrl: string | undefined): boolean {
  const { origin, 'sec-fetch-site': site, referer } = headers;
  if (origin !== undefined) return origin.length === 1 && isOwn(origin[0], headers, publicUrl);
  if (site !== undefined) return site.length === 1 && site[0] === 'same-origin';
  // A page of plain HTTP on another machine: there a browser sends no Sec-Fetch-Site, and with a GET no Origin.
  return referer?.length === 1 && isOwn(referer[0], headers, publicUrl);
}

/** Whether a browser has reached the server by `publicUrl`, and that by https. */
export function comesByHttps(headers: RequestHeaders, publicUrl: string | undefined): boolean {
  const reached = webUrl(publicUrl);
  if (reached?.protocol !== 'https:') return false;
  return hostOf(headers) === reached.host || webUrl(headers['origin']?.[0])?.origin === reached.origin;
}

function isOwn(from: string | undefined, headers: RequestHeaders, publicUrl: string | undefined): boolean {
  const page = webUrl(from);
  if (page === undefined) return false;
  // The scheme is not compared: TLS may end at a proxy, which passes the Host on.
  return page.host === hostOf(headers) || page.origin === webUrl(publicUrl)?.origin;
}

/** Browsers leave the default port out, as `URL.host` does. */
function hostOf(headers: RequestHeaders): string | undefined {
  return headers['host']?.[0]?.toLowerCase();
}

function webUrl(text: string | undefined): URL | undefined {
  return text !== undefined && /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
}
