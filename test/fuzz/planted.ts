/**
 * Values that are planted where clients and upstreams can write, and that must not come out elsewhere. None has the shape of
 * a key or of an address, so the server can hide them only because it knows them.
 */
export const planted = {
  /** The key of each upstream: in the configuration through the environment, and sent to the upstream. */
  upstreamKey: 'plantedkey-quince',
  /** A header value that the configuration adds to the requests of an upstream. */
  upstreamHeader: 'plantedheader-medlar',
  /** In the environment, and in the configuration as `${FUZZ_…}`. */
  fromEnvironment: 'plantedvalue-damson',
} as const;

/** The word in the prompt of every case; with its number it names one request. */
const promptWord = 'zebrawort';

export function promptMark(surface: string, index: number): string {
  return `${promptWord}-${surface}-${index}-end`;
}

/** The surface and number in a request's mark; undefined where there is no mark. */
export function markIn(bytes: string): { readonly surface: string; readonly index: number } | undefined {
  const found = /zebrawort-([a-z]+)-(\d+)-end/.exec(bytes);
  return found === null ? undefined : { surface: found[1] ?? '', index: Number(found[2]) };
}

/** In base64 after so many bytes, without the characters that also hold bits of the bytes before and after. */
const base64Behind = (bytes: number, secret: string): string =>
  Buffer.from(`${':'.repeat(bytes)}${secret}`)
    .toString('base64')
    .slice(Math.ceil((bytes * 4) / 3), Math.floor(((bytes + secret.length) * 4) / 3));

const spellings = (secret: string): readonly string[] => [
  secret,
  Buffer.from(secret).toString('hex'),
  ...[0, 1, 2].map((bytes) => base64Behind(bytes, secret)),
];

const secrets = Object.values(planted).flatMap(spellings);

/** Why a text for a client, or a problem of the configuration, should not have been shown; undefined where it may. */
export function leakIn(text: string, own?: string): string | undefined {
  const secret = secrets.find((one) => text.includes(one));
  if (secret !== undefined) return `'${secret}' came out`;
  for (const [mark] of text.matchAll(/zebrawort-[a-z]+-\d+-end/g)) {
    if (mark !== own) return `the prompt of another request (${mark}) came out`;
  }
  return undefined;
}

/** The same for a line of the log, which holds no prompt at all with `logging.content: false`. */
export function leakInLog(line: string): string | undefined {
  const secret = secrets.find((one) => line.includes(one));
  if (secret !== undefined) return `the log holds '${secret}'`;
  return line.includes(promptWord) ? 'the log holds a prompt' : undefined;
}
