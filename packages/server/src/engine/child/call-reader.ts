import type { ToolSyntax } from '../between/tool-syntax.ts';

/**
 * Takes tool calls out of what a model writes under their grammar: JSON objects with a name and arguments,
 * whatever stands between them. The arguments' text passes through as it comes, unit by unit; nothing is
 * held but a key or a name.
 */
export interface CallReader {
  push(text: string): readonly CallPart[];
}

export type CallPart =
  | { readonly type: 'call'; readonly name: string }
  | { readonly type: 'arguments'; readonly text: string }
  /** The call is whole. */
  | { readonly type: 'end' };

type Place =
  /** Outside of objects, or between the members of one. */
  | 'outside'
  | 'member'
  /** In a key, or in a string value that is not passed on. */
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

  /** One unit; what it adds to the arguments is returned, and parts that are complete are pushed. */
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
