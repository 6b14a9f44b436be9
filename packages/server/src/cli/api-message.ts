/**
 * A message of the API as a line of the command line: it begins small behind `tailrace: `, ends without a full stop, and quotes as the
 * other lines do.
 */
export function asLine(message: string): string {
  return message
    .replace(/^(?!Redis |Tailrace )[A-Z][a-z]*(?= )/, (word) => word.toLowerCase())
    .replaceAll(/(?<=^|[\s(])'([^'\s]*)'/g, '"$1"')
    .replace(/\.$/, '');
}
