import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import { type KnownMembers, readSpellings } from '../domain/read-spellings.ts';

/** `JSON.parse` takes nesting of millions, and everything that later walks the value would not. */
const maxDepth = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Bytes of a request body → a JSON value nested no deeper than 64, every number finite, every text well
 * formed. Failures are `invalid_json`, and `invalid_value` with the path of what is wrong.
 *
 * What is not among `known` can be written again as it came (`writeExactly`).
 */
export function parseJsonBody(bytes: Uint8Array, known?: KnownMembers): Result<JsonValue> {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return fail(failure('invalid_json', 'The request body is not valid UTF-8. Encode it as UTF-8 JSON.'));
  }
  if (text.trim() === '') {
    return fail(failure('invalid_json', 'The request body is empty. Send a JSON object.'));
  }
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    const reason = error instanceof SyntaxError ? syntaxMessage(error) : 'unreadable';
    return fail(failure('invalid_json', `The request body is not valid JSON: ${reason}.`));
  }
  const wrong = inspect(value);
  if (wrong !== undefined) return fail(wrong);
  readSpellings(text, value, known);
  return ok(value);
}

/** A value on the way down, and how it was reached: paths are only written out for what is wrong. */
interface Visit {
  readonly value: JsonValue;
  readonly step: string | number | undefined;
  readonly parent: Visit | undefined;
  readonly depth: number;
}

/** With a stack of its own: what it is given may nest deeper than any call stack. */
function inspect(root: JsonValue): Failure | undefined {
  const stack: Visit[] = [{ value: root, step: undefined, parent: undefined, depth: 0 }];
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const { value } = visit;
    if (typeof value === 'number' && !Number.isFinite(value)) return wrong(visit, 'is no finite number');
    if (typeof value === 'string' && !value.isWellFormed()) return wrong(visit, halfPair);
    if (typeof value !== 'object' || value === null) continue;
    if (visit.depth === maxDepth) return wrong(visit, `nests deeper than ${maxDepth} levels`);
    for (const [key, child] of Object.entries(value)) {
      if (!key.isWellFormed()) return wrong(visit, `has a key that ${halfPair}`);
      const step = Array.isArray(value) ? Number(key) : key;
      stack.push({ value: child, step, parent: visit, depth: visit.depth + 1 });
    }
  }
  return undefined;
}

const halfPair = 'has half of a surrogate pair, which is not valid Unicode text';

function wrong(visit: Visit, what: string): Failure {
  const param = pathOf(visit);
  const subject = param === '' ? 'The request body' : `'${param}'`;
  return failure('invalid_value', `${subject} ${what}.`, param === '' ? {} : { param });
}

function pathOf(visit: Visit): string {
  const steps: (string | number)[] = [];
  for (let at: Visit | undefined = visit; at?.step !== undefined; at = at.parent) steps.push(at.step);
  return steps.reverse().reduce<string>((path, step) => {
    if (typeof step === 'number') return `${path}[${step}]`;
    return path === '' ? step : `${path}.${step}`;
  }, '');
}

/** V8's message without the excerpt of the body it may quote: that is content, and goes to logs. */
function syntaxMessage(error: SyntaxError): string {
  const position = /at position \d+(?: \(line \d+ column \d+\))?/.exec(error.message);
  return position === null ? 'it ends too early or has a stray character' : `unexpected text ${position[0]}`;
}
