import { readJson } from './partial-json.ts';

/** Deeper levels are not indented further: ten thousand of them would be a hundred megabytes of spaces. */
const maxIndent = 24;

/** A value that is written down for a person to change: what is short stands on one line. */
export function writtenJson(value: unknown): string {
  const short = /([{[])\n\s*([^{}[\]]{1,60}?)\n\s*([}\]])/g;
  return JSON.stringify(value, null, 2).replaceAll(
    short,
    (_whole, begin: string, inside: string, end: string) => {
      const joined = inside.replaceAll(/\n\s*/g, ' ');
      return begin === '[' ? `[${joined}]` : `${begin} ${joined} ${end}`;
    },
  );
}

/**
 * The same JSON text with a line for each member and item. Its numbers and strings keep their spelling; a text that is no JSON is
 * returned as it is.
 */
export function prettyJson(text: string): string {
  if (!readJson(text).isWhole()) return text;
  const parts: string[] = [];
  let depth = 0;
  const newLine = (): string => `\n${'  '.repeat(Math.min(depth, maxIndent))}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '{' || token === '[') {
      depth += 1;
      parts.push(token, newLine());
    } else if (token === '}' || token === ']') {
      depth -= 1;
      parts.push(newLine(), token);
    } else if (token === ',') parts.push(token, newLine());
    else if (token === ':') parts.push(': ');
    else parts.push(/^[{[]/.test(token) ? token.replaceAll(/\s/g, '') : token);
  }
  return parts.join('');
}
