import { type JsonValue, parseForeignJson } from '../domain/json.ts';
import { createKeyCache } from '../domain/key-cache.ts';
import { type CompiledValidator, compileValidator } from './compile-validator.ts';
import type { OwnedTask, SchemaFinding } from './protocol.ts';

const validatorsKept = 64;
/** Of the schemas of all kept validators. One character of a schema costs up to 50 bytes of the thread's heap. */
const charactersKept = 1024 * 1024;

/** Judges answers, remembering the validators it compiled last. Takes as long as the schema makes it take. */
export function createAnswerJudge(): (task: OwnedTask) => SchemaFinding {
  const kept = createKeyCache<CompiledValidator>({ maxEntries: validatorsKept, maxSize: charactersKept });

  function validatorOf(keyId: string, schema: string): CompiledValidator {
    const known = kept.get(keyId, schema);
    if (known !== undefined) return known;
    const validator = compileValidator(parseForeignJson(schema) as JsonValue);
    kept.set(keyId, schema, validator, schema.length);
    return validator;
  }

  function judge({ schema, answer, keyId }: OwnedTask): SchemaFinding {
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
      return judge(task);
    } catch (error) {
      // The stack: values may nest deeper than it goes.
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
