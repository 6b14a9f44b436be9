import type { ToolSyntax } from '../between/tool-syntax.ts';

/**
 * Reads tool calls from text that follows their grammar: JSON objects with a name and arguments, and any text between
 * them. The text of the arguments passes through unit by unit; only a key or a name is held back.
 */
export interface CallReader {
  push(text: string): readonly CallPart[];
}

export type CallPart =
  | { readonly type: 'call'; readonly name: string }
  | { readonly type: 'arguments'; readonly text: string }
  /** The call is complete. */
  | { readonly type: 'end' };

type Place =
  /** Outside an object, or between its members. */
  | 'outside'
  | 'member'
  /** In a key, or in a string that is not part of the arguments. */
  | 'string'
  | 'value'
  | 'arguments';

export function createCallReader(syntax: Pick<ToolSyntax, 'argumentsKey'>): CallReader {
  let place: Place = 'outside';
  let key: string | undefined;
  let text = '';
  let escaped = false;
  let quoted = false;
  let depth = 0;

  /** Reads one unit; returns the text that it adds to the arguments, and adds complete parts to `parts`. */
  function step(unit: string, parts: CallPart[]): string {
    switch (place) {
      case 'outside':
        if (unit === '{') place = 'member';
        return '';
      case 'member':
        return inMember(unit, parts);
      case 'string':
        return inString(unit, parts);
      case 'value':
        if (unit === '"') {
          text = unit;
          place = 'string';
        } else if (unit === ',' || unit === '}') {
          place = 'member';
          inMember(unit, parts);
        }
        return '';
      case 'arguments':
        return inArguments(unit, parts);
    }
  }

  function inMember(unit: string, parts: CallPart[]): string {
    if (unit === '"') {
      text = unit;
      place = 'string';
    } else if (unit === ':') {
      place = key === syntax.argumentsKey ? 'arguments' : 'value';
      quoted = false;
      depth = 0;
    } else if (unit === ',') key = undefined;
    else if (unit === '}') {
      place = 'outside';
      key = undefined;
      parts.push({ type: 'end' });
    }
    return '';
  }

  function inString(unit: string, parts: CallPart[]): string {
    text += unit;
    if (escaped) escaped = false;
    else if (unit === '\\') escaped = true;
    else if (unit === '"') {
      const said: unknown = JSON.parse(text);
      if (key === undefined) key = String(said);
      else {
        if (key === 'name') parts.push({ type: 'call', name: String(said) });
        key = undefined;
      }
      place = 'member';
    }
    return '';
  }

  function inArguments(unit: string, parts: CallPart[]): string {
    if (quoted) {
      if (escaped) escaped = false;
      else if (unit === '\\') escaped = true;
      else if (unit === '"') quoted = false;
      return unit;
    }
    if (unit === '"') quoted = true;
    else if (unit === '{' || unit === '[') depth++;
    else if (unit === '}' || unit === ']' || unit === ',') {
      if (depth === 0) {
        place = 'member';
        return inMember(unit, parts);
      }
      if (unit !== ',') depth--;
    } else if (depth === 0 && unit.trim() === '') return '';
    return unit;
  }

  return {
    push(said) {
      const parts: CallPart[] = [];
      let passed = '';
      for (const unit of said) {
        const before = parts.length;
        const more = step(unit, parts);
        if (parts.length > before && passed !== '') {
          parts.splice(before, 0, { type: 'arguments', text: passed });
          passed = '';
        }
        passed += more;
      }
      if (passed !== '') parts.push({ type: 'arguments', text: passed });
      return parts;
    },
  };
}
