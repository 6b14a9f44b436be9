/** Where the API of an endpoint is. */
export interface Endpoint {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** What stands before `/chat/completions`, without a slash at its end: `/v1`. */
  readonly basePath: string;
  /** The base URL, as a client takes it. */
  readonly url: string;
}

/** Reads a base URL. One without a path gets `/v1`; undefined where it is no URL of http or https. */
export function readEndpoint(text: string): Endpoint | undefined {
  const given = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(given)) return undefined;
  const url = new URL(given);
  const secure = url.protocol === 'https:';
  if ((!secure && url.protocol !== 'http:') || url.username !== '' || url.search !== '') return undefined;
  const path = url.pathname.replace(/\/+$/, '').replace(/\/chat\/completions$/, '');
  const basePath = path === '' ? '/v1' : path;
  return {
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    basePath,
    url: `${url.origin}${basePath}`,
  };
}
