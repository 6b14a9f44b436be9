import { isObject, type JsonObject } from '../domain/json.ts';

/** A file that is no JSON Lines; the message names the line. */
export class JsonLinesError extends Error {
  constructor(line: number, what: string) {
    super(`line ${line} ${what}`);
    this.name = 'JsonLinesError';
  }
}

/** A row of an export is a record at most, which is far shorter. */
const longestLine = 16 * 1024 ** 2;
const pieceLength = 64 * 1024;

/** The rows as text in pieces of some 64 KiB, one row a line. */
export async function* jsonLines(rows: AsyncIterable<JsonObject>): AsyncGenerator<string> {
  let piece = '';
  for await (const row of rows) {
    piece += `${JSON.stringify(row)}\n`;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/**
 * The objects of a text that comes in pieces, one a line; empty lines are left out. Holds one line at a time, of 16 Mi
 * characters at most. Throws a {@link JsonLinesError} for a line that is no JSON object.
 */
export async function* parseJsonLines(pieces: AsyncIterable<string>): AsyncGenerator<JsonObject> {
  let line = 0;
  let rest = '';
  for await (const piece of pieces) {
    const lines = piece.split('\n');
    // The next piece has the rest of the last one.
    const begun = lines.pop() ?? '';
    for (const end of lines) {
      line += 1;
      const row = parse(rest + end, line);
      rest = '';
      if (row !== undefined) yield row;
    }
    rest += begun;
    if (rest.length > longestLine) throw new JsonLinesError(line + 1, 'is too long');
  }
  const last = parse(rest, line + 1);
  if (last !== undefined) yield last;
}

function parse(text: string, line: number): JsonObject | undefined {
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new JsonLinesError(line, 'is not JSON');
  }
  if (!isObject(value)) throw new JsonLinesError(line, 'is not a JSON object');
  return value;
}
