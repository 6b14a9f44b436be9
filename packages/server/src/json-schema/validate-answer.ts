import { type JsonValue, parseForeignJson } from '../domain/json.ts';
import { createKeyCache } from '../domain/key-cache.ts';
import { type CompiledValidator, compileValidator } from './compile-validator.ts';
import type { ValidationFinding, ValidationTask } from './validation-thread.ts';

const validatorsKept = 64;
/** The most characters of all kept schemas. One character takes up to 50 bytes of the thread's heap. */
const charactersKept = 1024 * 1024;

/**
 * Validates answers and keeps the validators that were compiled last. Never throws; how long a task takes is for its
 * schema to decide.
 */
export function createAnswerValidator(): (task: ValidationTask) => ValidationFinding {
  const kept = createKeyCache<CompiledValidator>({ maxEntries: validatorsKept, maxSize: charactersKept });

  function validatorOf(keyId: string, schema: string): CompiledValidator {
    const known = kept.get(keyId, schema);
    if (known !== undefined) return known;
    const validator = compileValidator(parseForeignJson(schema) as JsonValue);
    kept.set(keyId, schema, validator, schema.length);
    return validator;
  }

  function validate({ schema, answer, keyId }: ValidationTask): ValidationFinding {
    const validator = schema === undefined ? undefined : validatorOf(keyId, schema);
    if (validator?.ok === false) return { type: 'schema', problem: validator.problem };
    if (answer === undefined) return { type: 'right' };
    const value = parse(answer);
    if (value === undefined) return { type: 'not-json' };
    const breach = validator?.validate(value.parsed);
    return breach === undefined ? { type: 'right' } : { type: 'breach', breach };
  }

  return (task) => {
    try {
      return validate(task);
    } catch (error) {
      // Most often a RangeError: the value nests deeper than the stack allows.
      return { type: 'undecided', why: error instanceof Error ? error.message.slice(0, 200) : 'unknown' };
    }
  };
}

function parse(answer: string): { readonly parsed: unknown } | undefined {
  try {
    return { parsed: parseForeignJson(JSON.parse(`"${answer}"`) as string) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
