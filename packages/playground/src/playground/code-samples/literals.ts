import type { RequestBody } from '../../chat/request-body.ts';

export const streams = (body: RequestBody): boolean => body['stream'] === true;

/** JSON over several lines, of which all but the first stand so far to the right. */
export function jsonAt(value: unknown, indent: number): string {
  return (JSON.stringify(value, null, 2) ?? 'undefined').replaceAll('\n', `\n${' '.repeat(indent)}`);
}

/** The same as an expression of JavaScript, with names as one writes them by hand. */
export function scriptLiteral(value: unknown, indent = 0): string {
  const inner = ' '.repeat(indent + 2);
  const end = `\n${' '.repeat(indent)}`;
  if (typeof value === 'string') return scriptText(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((one) => `${inner}${scriptLiteral(one, indent + 2)},`).join('\n')}${end}]`;
  }
  const members = Object.entries(value);
  if (members.length === 0) return '{}';
  const lines = members.map(
    ([name, one]) => `${inner}${scriptName(name)}: ${scriptLiteral(one, indent + 2)},`,
  );
  return `{\n${lines.join('\n')}${end}}`;
}

function scriptName(name: string): string {
  // Written as a name or a text, this one would set the prototype.
  if (name === '__proto__') return `['__proto__']`;
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : scriptText(name);
}

/** JSON's texts are texts of JavaScript, but for the quotes that one is used to. */
export function scriptText(text: string): string {
  const quoted = JSON.stringify(text);
  return text.includes("'") ? quoted : `'${quoted.slice(1, -1).replaceAll('\\"', '"')}'`;
}
