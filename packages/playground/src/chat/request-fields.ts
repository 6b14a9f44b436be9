import type { PageFailure } from '../api/failure.ts';
import { isObject, parsed } from '../api/json.ts';
import { describeFault } from '../json/partial-json.ts';
import type { Draft } from './chat-state.ts';
import { type ParameterName, parameterField, parameterNames, toolParameters } from './parameters.ts';

/** A field of the page in which a part of the request is written: a parameter, or for example `tools.0.parameters`. */
export type RequestField =
  | ParameterName
  | `response_format${'' | '.name' | '.schema'}`
  | 'tools'
  | `tools.${number}.${'name' | 'description' | 'parameters'}`;

/** The panel in which the field stands. */
export function panelOf(field: RequestField): 'parameters' | 'tools' {
  return field.startsWith('tools') || toolParameters.some((name) => name === field) ? 'tools' : 'parameters';
}

/** The field that the `param` of a failure names; `stop[1]` is that of `stop`. */
export function fieldOf(param: string | undefined, { parameters, tools }: Draft): RequestField | undefined {
  if (param === undefined) return undefined;
  const [first = '', ...rest] = param.split(/[.[\]]+/).filter((part) => part !== '');
  if (param === 'other_fields') return param;
  const others = parsed(parameters.other_fields);
  if (isObject(others) && Object.hasOwn(others, first)) return 'other_fields';
  // Tokens have two names in the API.
  if (first === 'max_completion_tokens') return 'max_tokens';
  if (first === 'response_format') {
    const [, part] = rest;
    return part === 'schema' || part === 'name' ? `response_format.${part}` : 'response_format';
  }
  if (first === 'tools') {
    const index = Number(rest[0]);
    if (tools.all[index] === undefined) return 'tools';
    const part = rest[2];
    return `tools.${index}.${part === 'parameters' || part === 'description' ? part : 'name'}`;
  }
  return parameterNames.find((name) => name === first);
}

/**
 * Why the request cannot be written: JSON that is none. Everything else goes to the server as it is, which says what is wrong with it.
 */
export function faultOfDraft({ parameters, tools, format }: Draft): PageFailure | undefined {
  for (const name of parameterNames) {
    const text = parameters[name];
    if (parameterField(name).kind !== 'json' || text.trim() === '') continue;
    const fault = describeFault(text);
    if (fault !== undefined) return failed(name, fault);
    const value = parsed(text);
    if (name === 'other_fields' && (!isObject(value) || Array.isArray(value)))
      return failed(name, 'An object is expected: { … }.');
  }
  if (format.kind === 'json_schema') {
    const fault = describeFault(format.schema);
    if (fault !== undefined) return failed('response_format.json_schema.schema', fault);
  }
  for (const [at, { parameters: schema }] of tools.all.entries()) {
    const fault = schema.trim() === '' ? undefined : describeFault(schema);
    if (fault !== undefined) return failed(`tools[${at}].function.parameters`, fault);
  }
  return undefined;
}

function failed(param: string, message: string): PageFailure {
  return { code: 'invalid_json', message: `The request is not sent. ${message}`, param };
}
