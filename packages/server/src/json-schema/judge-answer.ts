import type { JsonValue } from '../domain/json.ts';
import { type CompiledValidator, compileValidator } from './compile-validator.ts';
import type { SchemaFinding, SchemaTask } from './protocol.ts';

const validatorsKept = 64;

/** Judges answers, remembering the validators it compiled last. Takes as long as the schema makes it take. */
export function createAnswerJudge(): (task: SchemaTask) => SchemaFinding {
  const kept = new Map<string, CompiledValidator>();

  function validatorOf(schema: string): CompiledValidator {
    const known = kept.get(schema);
    kept.delete(schema);
    const validator = known ?? compileValidator(JSON.parse(schema) as JsonValue);
    kept.set(schema, validator);
    const [oldest] = kept.keys();
    if (kept.size > validatorsKept && oldest !== undefined) kept.delete(oldest);
    return validator;
  }

  function judge({ schema, answer }: SchemaTask): SchemaFinding {
    const validator = schema === undefined ? undefined : validatorOf(schema);
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
    return { parsed: JSON.parse(JSON.parse(`"${answer}"`) as string) as unknown };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
