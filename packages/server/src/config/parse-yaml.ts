import { Composer, type CST, type Document, type ErrorCode, Parser } from 'yaml';

/** Complaints that do not change the meaning of the file are collected up to this number; then the parser stops. */
const maxComplaints = 100;

export interface ParsedYaml {
  /** Undefined where the text is not valid, or has too many complaints. */
  readonly document: Document.Parsed | undefined;
  readonly complaints: readonly YamlComplaint[];
}

export interface YamlComplaint {
  readonly code: ErrorCode;
  readonly offset: number;
}

/**
 * Parses one YAML 1.2 document of the core schema, and stops at the first complaint that is not `survivable`. By itself
 * the library parses to the end and keeps every complaint with a stack trace: 1 MiB of quotes took it more than 20 s. The
 * library's check for duplicate keys is off, because it compares each key with all keys before it.
 *
 * `onLine` is called with the offset of each line.
 */
export function parseYaml(
  text: string,
  survivable: ReadonlySet<ErrorCode>,
  onLine: (offset: number) => void,
): ParsedYaml {
  const complaints: YamlComplaint[] = [];
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    stringKeys: true,
    uniqueKeys: false,
    prettyErrors: false,
  });
  let stopped = false;
  const complain = (source: unknown, code: ErrorCode, isWarning = false): void => {
    // The library catches an error that is thrown inside a collection, and reports it as one more complaint.
    if (stopped) throw new Stopped();
    complaints.push({ code, offset: offsetOf(source) });
    stopped = (!isWarning && !survivable.has(code)) || complaints.length > maxComplaints;
    if (stopped) throw new Stopped();
  };
  // The library has no other way to report a complaint at once.
  Object.defineProperty(composer, 'onError', {
    value: (source: unknown, code: ErrorCode, _message: string, isWarning?: boolean) =>
      complain(source, code, isWarning),
  });
  function* tokens(): Generator<CST.Token> {
    for (const token of new Parser(onLine).parse(text)) {
      if (token.type === 'error') complain(token, 'UNEXPECTED_TOKEN');
      yield token;
    }
  }
  let document: Document.Parsed | undefined;
  try {
    for (const one of composer.compose(tokens(), true, text.length)) {
      if (document !== undefined) complain(one.range, 'MULTIPLE_DOCS');
      document = one;
    }
    for (const { code, pos } of [...(document?.errors ?? []), ...(document?.warnings ?? [])])
      complain(pos, code);
  } catch (thrown) {
    if (!(thrown instanceof Stopped)) throw thrown;
    document = undefined;
  }
  return { document, complaints };
}

/** Thrown to end the library's work: its callbacks have no return value that would. */
class Stopped {}

/** The library gives places as a number, as a range, or as a token. */
function offsetOf(source: unknown): number {
  if (typeof source === 'number') return source;
  if (Array.isArray(source)) return Number(source[0]);
  const offset: unknown =
    typeof source === 'object' && source !== null && 'offset' in source ? source.offset : 0;
  return Number(offset);
}
