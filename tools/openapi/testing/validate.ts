import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parseRfc3339 } from '../../../packages/server/src/domain/rfc3339.ts';
import { adminAnswerSchemas } from '../admin-answers.ts';
import { adminBodySchemas } from '../admin-bodies.ts';
import { chatAnswerSchemas } from '../chat-answers.ts';
import { chatRequestSchemas } from '../chat-request.ts';
import type { Schema } from '../schema.ts';

const schemas = { ...chatRequestSchemas, ...chatAnswerSchemas, ...adminBodySchemas, ...adminAnswerSchemas };

/** Validates by a schema of the document. Its references are those of `components`. */
export function validatorOf(schema: Schema): ValidateFunction {
  return compile(schema, schemas);
}

/** The same, and a member that no schema names is a mistake: an answer has nothing that the document does not have. */
export function strictValidatorOf(schema: Schema): ValidateFunction {
  return compile(closed(schema), closed(schemas));
}

function compile(schema: Schema, components: Schema): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addFormat('date-time', (text: string) => parseRfc3339(text) !== undefined);
  ajv.addFormat('date', true);
  return ajv.compile({ ...schema, components: { schemas: components } });
}

/** Each object that lists its properties has no others, unless it says so itself. */
function closed<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(closed) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  const members = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  const isOpen = 'additionalProperties' in members || !('type' in members) || !('properties' in members);
  // A property that is called 'properties' is none of ours.
  return (isOpen ? members : { ...members, additionalProperties: false }) as T;
}
