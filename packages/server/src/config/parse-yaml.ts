import { Composer, type CST, type Document, type ErrorCode, Parser } from 'yaml';

/** Behind so many complaints that change no meaning a file says nothing that is worth more of them. */
const maxComplaints = 100;

export interface ParsedYaml {
  /** Undefined where the text is not valid, or means too little. */
  readonly document: Document.Parsed | undefined;
  readonly complaints: readonly YamlComplaint[];
}

export interface YamlComplaint {
  readonly code: ErrorCode;
  readonly offset: number;
}

/**
 * Parses one YAML 1.2 document of the core schema, and stops at the first complaint that is not `survivable`. The
 * library goes on to the end and keeps every complaint with a stack trace: 1 MiB of quotes took it more than 20 s.
 * Whether a key is there twice is not looked at, for it compares each key with all before it.
 *
 * `onLine` hears where each line begins.
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
    // The library catches what is thrown inside a collection, and complains of it in turn.
    if (stopped) throw new Stopped();
    complaints.push({ code, offset: offsetOf(source) });
    stopped = (!isWarning && !survivable.has(code)) || complaints.length > maxComplaints;
    if (stopped) throw new Stopped();
  };
  // The one way to hear of a complaint when it is made.
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

/** Ends the work of the library; it takes no answer. */
class Stopped {}

/** Places come as a number, as a range, or as a token. */
function offsetOf(source: unknown): number {
  if (typeof source === 'number') return source;
  if (Array.isArray(source)) return Number(source[0]);
  const offset: unknown =
    typeof source === 'object' && source !== null && 'offset' in source ? source.offset : 0;
  return Number(offset);
}
