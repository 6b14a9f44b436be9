import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats, { type FormatName } from 'ajv-formats';
import { isObject, type JsonValue } from '../domain/json.ts';
import { adaptSchema } from './adapt-schema.ts';
import { references } from './schema-keywords.ts';
import { compilePattern, type SchemaProblem } from './schema-problem.ts';

/** The first breach of the schema, or undefined where the value is valid. */
export type Validator = (value: unknown) => Breach | undefined;

export interface Breach {
  /** The place in the value, as a JSON pointer; empty for the whole value. */
  readonly pointer: string;
  /** Text that follows the place: `must be string`. It may quote the schema, never the value. */
  readonly why: string;
  readonly keyword: string;
}

export type CompiledValidator =
  | { readonly ok: true; readonly validate: Validator }
  | { readonly ok: false; readonly problem: SchemaProblem };

/** The formats that the engine and OpenAI's service enforce. Others are annotations. */
const formats: FormatName[] = [
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uri',
  'uuid',
];

const settings: Options = {
  // Unknown keywords are annotations (JSON Schema core, section 6.5).
  strict: false,
  logger: false,
  // `required: ["toString"]` must not find the method of `Object.prototype`.
  ownProperties: true,
  // Each reference is a function call. Inlined, a chain of schemas with two references each would make 2ⁿ copies.
  inlineRefs: false,
  // 19.99 is a multiple of 0.01.
  multipleOfPrecision: 9,
  $data: false,
  addUsedSchema: false,
  code: { regExp: Object.assign(compilePattern, { code: 'new RegExp' }) },
};

const drafts = {
  '2020-12': Ajv2020,
  '2019-09': Ajv2019,
  'draft-07': Ajv,
} as const;
type Draft = keyof typeof drafts;

/** For each draft an Ajv with the draft's meta-schema, which takes 30 ms to compile. */
const referees = new Map<Draft, Ajv>();

/**
 * Compiles a schema into JavaScript; Ajv's code has each text of the schema as a string literal. A hostile schema can
 * make this and its validator take any length of time, so call both only in a thread that can be ended.
 */
export function compileValidator(schema: JsonValue): CompiledValidator {
  const named = draftsOf(schema);
  if ('problem' in named) return { ok: false, problem: named.problem };
  const first = breachOfDraft(schema, named.drafts[0]);
  const draft = named.drafts.find((one) => breachOfDraft(schema, one) === undefined);
  if (draft === undefined) return { ok: false, problem: first ?? { at: [], why: 'is no JSON Schema' } };
  // An Ajv for each schema: two schemas may have the same `$id`.
  const ajv: Ajv = new drafts[draft]({ ...settings, validateSchema: false, meta: false });
  addFormats.default(ajv, formats);
  let validate: ValidateFunction;
  try {
    const adapted = adaptSchema(schema);
    validate = ajv.compile(isSchema(adapted) ? withoutDraft(adapted) : {});
  } catch (error) {
    return { ok: false, problem: problemOf(error, schema) };
  }
  return {
    ok: true,
    validate: (value) => {
      if (validate(value)) return undefined;
      // Of a union the last error is about the whole, those before it about its alternatives.
      const error = validate.errors?.at(-1);
      return error === undefined
        ? { pointer: '', why: 'breaks the schema', keyword: 'schema' }
        : { pointer: error.instancePath, why: error.message ?? 'breaks the schema', keyword: error.keyword };
    },
  };
}

/** The draft that `$schema` names. Without `$schema` 2020-12, or draft 7 where only that draft accepts the schema. */
function draftsOf(
  schema: JsonValue,
): { readonly drafts: readonly [Draft, ...Draft[]] } | { readonly problem: SchemaProblem } {
  const named = isSchema(schema) && typeof schema === 'object' ? schema['$schema'] : undefined;
  if (named === undefined) return { drafts: ['2020-12', 'draft-07'] };
  const known = /^https?:\/\/json-schema\.org\/(?:draft\/)?(2020-12|2019-09|draft-0[67])\/schema#?$/;
  const [, draft] = (typeof named === 'string' && known.exec(named)) || [];
  switch (draft) {
    case '2020-12':
    case '2019-09':
      return { drafts: [draft] };
    case 'draft-06':
    case 'draft-07':
      return { drafts: ['draft-07'] };
    default: {
      const why = 'names a draft that is not known here: 2020-12, 2019-09, draft-07 and draft-06 are';
      return { problem: { at: ['$schema'], why } };
    }
  }
}

function breachOfDraft(schema: JsonValue, draft: Draft): SchemaProblem | undefined {
  const referee = referees.get(draft) ?? new drafts[draft]({ strict: false, logger: false });
  referees.set(draft, referee);
  if (!isSchema(schema)) return { at: [], why: 'must be an object or a boolean' };
  if (referee.validateSchema(withoutDraft(schema)) === true) return undefined;
  return problemAt(deepest(referee.errors ?? []), schema);
}

/** The error at the deepest place is the most exact. */
function deepest(errors: readonly ErrorObject[]): ErrorObject | undefined {
  const depth = ({ instancePath }: ErrorObject) => instancePath.split('/').length;
  return errors.toSorted((a, b) => depth(b) - depth(a))[0];
}

function problemAt(error: ErrorObject | undefined, schema: JsonValue): SchemaProblem {
  if (error === undefined) return { at: [], why: 'is no JSON Schema' };
  const allowed: unknown = error.keyword === 'enum' ? error.params['allowedValues'] : undefined;
  const why = Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : error.message;
  return { at: stepsOf(error.instancePath, schema), why: why ?? 'is no JSON Schema' };
}

/** `/a/0` as steps; a step is a number only where the schema has a list. */
function stepsOf(pointer: string, schema: JsonValue): (string | number)[] {
  let here: unknown = schema;
  return pointer
    .split('/')
    .slice(1)
    .map((escaped) => {
      const name = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(here) ? Number(name) : name;
      here = typeof here === 'object' && here !== null ? (here as Record<string, unknown>)[name] : undefined;
      return step;
    });
}

/** Ajv throws where it cannot compile a schema. Of a missing reference it gives the text, not the place. */
function problemOf(error: unknown, schema: JsonValue): SchemaProblem {
  if (error instanceof RangeError) return { at: [], why: 'is nested too deeply in itself' };
  if (error instanceof Ajv.MissingRefError) {
    return { at: placeOf(error.missingRef, schema) ?? [], why: 'leads nowhere in the schema' };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { at: [], why: `cannot be enforced: ${message.slice(0, 200)}` };
}

function placeOf(reference: string, schema: JsonValue): SchemaProblem['at'] | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined;
  const steps = Array.isArray(schema) ? schema.entries() : Object.entries(schema);
  for (const [step, value] of steps) {
    if (typeof value === 'string' && references.has(String(step)) && reference.endsWith(value)) return [step];
    const within = placeOf(reference, value);
    if (within !== undefined) return [step, ...within];
  }
  return undefined;
}

function isSchema(schema: JsonValue): schema is boolean | Readonly<Record<string, JsonValue>> {
  return typeof schema === 'boolean' || isObject(schema);
}

/** Without `$schema`: the draft is decided, and Ajv would look for the meta-schema of that name. */
function withoutDraft(schema: boolean | Readonly<Record<string, JsonValue>>): boolean | object {
  if (typeof schema === 'boolean') return schema;
  const { $schema: _named, ...rest } = schema;
  return rest;
}
