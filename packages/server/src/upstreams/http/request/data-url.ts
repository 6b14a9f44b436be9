/** An inline file: its media type in lower case and its base64 text. */
export interface DataUrl {
  readonly mediaType: string;
  readonly base64: string;
}

/** Undefined where the URL is no `data:` URL with base64 (RFC 2397). */
export function parseDataUrl(url: string): DataUrl | undefined {
  // No regular expression over the data: an image is megabytes.
  const comma = url.slice(0, 256).indexOf(',');
  const head = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w.+-]+=[^;,]*)*;base64$/i.exec(url.slice(0, comma));
  const mediaType = head?.[1]?.toLowerCase();
  return comma < 0 || mediaType === undefined ? undefined : { mediaType, base64: url.slice(comma + 1) };
}
