import { isNode, LineCounter, parseDocument } from 'yaml';
import { readTextFile } from '../../config/read-text-file.ts';
import type { Script } from './script.ts';
import { scriptSchema } from './script-schema.ts';

/** A script, or all mistakes in its file: one line each, with file, line and path. */
export type LoadedScript =
  | { readonly ok: true; readonly script: Script }
  | { readonly ok: false; readonly problems: readonly string[] };

const maxScriptBytes = 16 * 1024 ** 2;

/** Reads a script from a YAML or JSON file. */
export async function loadScript(file: string): Promise<LoadedScript> {
  const read = await readTextFile(file, { maxBytes: maxScriptBytes, settled: true });
  if (!read.ok) return { ok: false, problems: [`${file}: the script cannot be read: ${read.message}`] };
  return parseScript(read.text, file);
}

/** Reads a script from text; `file` is its name in messages. */
export function parseScript(text: string, file: string): LoadedScript {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map(
      (error) => `${file}:${lines.linePos(error.pos[0]).line}: ${error.message}`,
    );
    return { ok: false, problems };
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // Aliases without an anchor, or aliases whose expansion would be too large.
    return { ok: false, problems: [`${file}:1: ${error instanceof Error ? error.message : String(error)}`] };
  }
  const result = scriptSchema.safeParse(value);
  if (result.success) return { ok: true, script: result.data };

  /** The line of the value at the path. A missing key has no line, so the nearest value around it counts. */
  function lineOf(path: readonly PropertyKey[]): number {
    for (let length = path.length; length > 0; length -= 1) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  }
  const problems = result.error.issues
    .map(({ path, message }) => ({ line: lineOf(path), text: `${pathText(path)}${message}` }))
    .sort((a, b) => a.line - b.line)
    .map(({ line, text }) => `${file}:${line}: ${text}`);
  return { ok: false, problems };
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '';
  const joined = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return `${joined.replace(/^\./, '')}: `;
}
