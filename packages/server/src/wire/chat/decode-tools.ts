import type { ResponseFormat, ToolChoice, ToolDefinition } from '../../domain/chat-request.ts';
import { failure } from '../../domain/failure.ts';
import { isObject, type JsonValue } from '../../domain/json.ts';
import {
  enumField,
  type Findings,
  listField,
  missing,
  objectAt,
  objectField,
  type Place,
  pathTo,
  plainField,
  rawField,
  restMembers,
  restOf,
  wrongType,
  wrongValue,
} from '../fields.ts';
import { membersIn, membersOfFormat, membersOfTool } from './known-members.ts';
import {
  callFields,
  chatBounds,
  choiceWords,
  definedName,
  definitionFields,
  formatTypes,
} from './plain-fields.ts';

export function decodeTools(place: Place): ToolDefinition[] {
  const tools = listField(place, 'tools', chatBounds.tools, decodeTool) ?? [];
  const seen = new Set<string>();
  for (const [index, tool] of tools.entries()) {
    if (seen.has(tool.name)) {
      wrongValue(place.findings, `tools[${index}].function.name`, `Two tools are named '${tool.name}'.`);
    }
    seen.add(tool.name);
  }
  return tools;
}

function decodeTool(value: JsonValue, path: string, findings: Findings): ToolDefinition | undefined {
  const place = objectAt(findings, path, value);
  if (place === undefined) return undefined;
  const type = plainField(place, callFields, 'type');
  if (type === undefined) return missing(place, 'type', "'function'");
  if (type !== 'function') {
    const param = pathTo(place, 'type');
    findings.report(failure('unsupported_parameter', `'${param}' must be 'function'.`, { param }));
    return undefined;
  }
  const body = objectField(place, 'function');
  if (body === undefined) return missing(place, 'function', 'an object with a name');
  const name = decodeName(body, 'function');
  const description = plainField(body, definitionFields, 'description');
  const strict = plainField(body, definitionFields, 'strict');
  const parameters = objectField(body, 'parameters');
  if (name === undefined) return undefined;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters: parameters.object }),
    ...(strict === undefined ? {} : { strict }),
    ...restsOfFunction(place, body),
  };
}

function decodeName(place: Place, of: 'function' | 'schema'): string | undefined {
  const name = plainField(place, definitionFields, 'name');
  if (rawField(place, 'name') === undefined) return missing(place, 'name', `the name of the ${of}`);
  if (name === undefined || definedName.test(name)) return name;
  const param = pathTo(place, 'name');
  return wrongValue(place.findings, param, `'${param}' takes letters, digits, '_' and '-', at least one.`);
}

function restsOfFunction(place: Place, inside: Place, uninterpreted?: ReadonlySet<string>) {
  return restMembers(
    restOf(place, membersOfTool),
    restOf(inside, membersIn(membersOfTool, 'function'), uninterpreted),
  );
}

/** `tool_choice`, where one is given. `required` and a named function need `tools`; without tools the others ask for nothing. */
export function decodeToolChoice(place: Place, tools: readonly ToolDefinition[]): ToolChoice | undefined {
  const value = rawField(place, 'tool_choice');
  if (value === undefined) return undefined;
  const choice = typeof value === 'string' ? enumField(place, 'tool_choice', choiceWords) : undefined;
  if (choice === 'auto' || choice === 'none') return { type: choice };
  if (choice === undefined && !isObject(value)) {
    if (typeof value !== 'string') wrongType(place.findings, 'tool_choice', 'a string or an object', value);
    return undefined;
  }
  const named = choice === 'required' ? undefined : decodeNamedChoice(place);
  if (tools.length === 0) {
    wrongValue(
      place.findings,
      'tool_choice',
      "'tool_choice' asks for a call, but 'tools' names no function.",
    );
    return undefined;
  }
  if (choice === 'required') return { type: 'required' };
  if (named === undefined) return undefined;
  if (!tools.some((tool) => tool.name === named.name)) {
    wrongValue(
      place.findings,
      'tool_choice.function.name',
      `'tool_choice' names the function '${named.name}', which 'tools' lacks.`,
    );
  }
  return named;
}

/** A choice may repeat the whole definition of its tool. */
const uninterpretedOfChoice = new Set(['description', 'parameters', 'strict']);

function decodeNamedChoice(place: Place): Extract<ToolChoice, { type: 'function' }> | undefined {
  const choice = objectField(place, 'tool_choice');
  if (choice === undefined) return undefined;
  const type = plainField(choice, callFields, 'type');
  if (type === undefined) return missing(choice, 'type', "'function'");
  if (type !== 'function') {
    const param = 'tool_choice.type';
    place.findings.report(failure('unsupported_parameter', `'${param}' must be 'function'.`, { param }));
    return undefined;
  }
  const body = objectField(choice, 'function');
  if (body === undefined) return missing(choice, 'function', 'an object with a name');
  const name = decodeName(body, 'function');
  return name === undefined
    ? undefined
    : { type: 'function', name, ...restsOfFunction(choice, body, uninterpretedOfChoice) };
}

/** A `schema` beside a type that has none there is not checked. */
const uninterpretedOfSchema = new Set(['schema']);
const uninterpretedOfObject = new Set(['json_schema']);
const uninterpretedOfText = new Set(['json_schema', 'schema']);

export function decodeResponseFormat(place: Place): ResponseFormat {
  const text: ResponseFormat = { type: 'text' };
  const format = objectField(place, 'response_format');
  if (format === undefined) return text;
  if (rawField(format, 'type') === undefined) {
    missing(format, 'type', 'text, json_object or json_schema');
    return text;
  }
  const type = enumField(format, 'type', formatTypes);
  if (type === undefined) return text;
  if (type === 'text') return { type, ...restMembers(restOf(format, membersOfFormat, uninterpretedOfText)) };
  if (type === 'json_object') {
    const schema = decodeSchema(format);
    return {
      type,
      ...(schema === undefined ? {} : { schema }),
      ...restMembers(restOf(format, membersOfFormat, uninterpretedOfObject)),
    };
  }
  const wrapper = objectField(format, 'json_schema');
  if (wrapper === undefined) {
    missing(format, 'json_schema', 'an object with name and schema');
    return text;
  }
  const name = decodeName(wrapper, 'schema');
  const strict = plainField(wrapper, definitionFields, 'strict');
  const description = plainField(wrapper, definitionFields, 'description');
  const schema = decodeSchema(wrapper);
  return {
    type,
    name: name ?? '',
    ...(description === undefined ? {} : { description }),
    ...(schema === undefined ? {} : { schema }),
    ...(strict === undefined ? {} : { strict }),
    ...restMembers(
      restOf(format, membersOfFormat, uninterpretedOfSchema),
      restOf(wrapper, membersIn(membersOfFormat, 'json_schema')),
    ),
  };
}

function decodeSchema(place: Place): JsonValue | undefined {
  const schema = rawField(place, 'schema');
  if (schema === undefined || isObject(schema) || typeof schema === 'boolean') return schema;
  return wrongType(place.findings, pathTo(place, 'schema'), 'a JSON Schema', schema);
}
