import { fail, failure, ok, type Result } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';

/** `JSON.parse` takes nesting of millions, and everything that later walks the value would not. */
const maxDepth = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Bytes of a request body → a JSON value nested no deeper than 64, every number finite, every text well
 * formed. Failures are `invalid_json`, `invalid_value`.
 */
export function parseJsonBody(bytes: Uint8Array): Result<JsonValue> {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return fail(failure('invalid_json', 'The request body is not valid UTF-8. Encode it as UTF-8 JSON.'));
  }
  if (text.trim() === '') {
    return fail(failure('invalid_json', 'The request body is empty. Send a JSON object.'));
  }
  // Before parsing: what the parser is never given needs no second walk with a deep stack.
  if (nestsDeeperThan(text, maxDepth)) {
    return fail(failure('invalid_json', `The request body nests deeper than ${maxDepth} levels.`));
  }
  try {
    return ok(JSON.parse(text) as JsonValue);
  } catch (error) {
    const reason = error instanceof SyntaxError ? syntaxMessage(error) : 'unreadable';
    return fail(failure('invalid_json', `The request body is not valid JSON: ${reason}.`));
  }
}

function nestsDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (inString) {
      if (unit === 0x5c) i += 1;
      else if (unit === 0x22) inString = false;
    } else if (unit === 0x22) inString = true;
    else if (unit === 0x7b || unit === 0x5b) {
      depth += 1;
      if (depth > limit) return true;
    } else if (unit === 0x7d || unit === 0x5d) depth -= 1;
  }
  return false;
}

/** V8's message without the excerpt of the body it may quote: that is content, and goes to logs. */
function syntaxMessage(error: SyntaxError): string {
  const position = /at position \d+(?: \(line \d+ column \d+\))?/.exec(error.message);
  return position === null ? 'it ends too early or has a stray character' : `unexpected text ${position[0]}`;
}
