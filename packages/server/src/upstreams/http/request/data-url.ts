/** An inline file: its media type in lower case and its base64 text. */
export interface DataUrl {
  readonly mediaType: string;
  readonly base64: string;
}

/** Reads a `data:` URL with base64 (RFC 2397); undefined where it is none. */
export function parseDataUrl(url: string): DataUrl | undefined {
  // The regular expression does not run over the data: an image has megabytes.
  const comma = url.slice(0, 256).indexOf(',');
  const head = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w.+-]+=[^;,]*)*;base64$/i.exec(url.slice(0, comma));
  const mediaType = head?.[1]?.toLowerCase();
  return comma < 0 || mediaType === undefined ? undefined : { mediaType, base64: url.slice(comma + 1) };
}

/** An inline image of one of these media types; undefined for any other URL. `image/jpg`, a common mistake, is `image/jpeg`. */
export function parseInlineImage(url: string, mediaTypes: ReadonlySet<string>): DataUrl | undefined {
  const inline = parseDataUrl(url);
  if (inline === undefined) return undefined;
  const mediaType = inline.mediaType === 'image/jpg' ? 'image/jpeg' : inline.mediaType;
  return mediaTypes.has(mediaType) ? { ...inline, mediaType } : undefined;
}
