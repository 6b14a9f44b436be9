/** The content codings that a client takes, by its `Accept-Encoding`; one with `q=0` it does not. */
export function acceptedEncodings(header: string | undefined): ReadonlySet<string> {
  const taken = (header ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.split(';').map((piece) => piece.trim()))
    .filter(([, ...parameters]) => !parameters.some((one) => /^q=0(\.0*)?$/.test(one)))
    .map(([name = '']) => name);
  return new Set(taken);
}
