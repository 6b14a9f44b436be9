import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import { createCompiler } from '../expressions/schema-compiler.ts';
import { anyObject } from '../expressions/shared-rules.ts';
import { type Derivations, derivations } from '../rules/derivations.ts';
import type { Expression } from '../rules/expression.ts';
import { leftFactor } from '../rules/left-factor.ts';
import { type Budget, createBudget, defaultLimits, type GrammarLimits } from '../rules/limits.ts';
import { mergeRules } from '../rules/merge-rules.ts';
import { leftmostWalks, repetitions } from '../rules/native-cost.ts';
import { printGbnf } from '../rules/print-gbnf.ts';
import { prune } from '../rules/prune.ts';
import { createRuleSet, type Rule, type RuleSet } from '../rules/rule-set.ts';
import { createSchemaDocument } from '../schema/schema-document.ts';
import { createProblems, isSchema } from '../schema/schema-part.ts';

/** A grammar in llama.cpp's notation, whose start rule is `root`. */
export interface CompiledGrammar {
  readonly gbnf: string;
  readonly ruleCount: number;
  /** The most derivations that may be alive at one point of an answer; the cost of a token grows with them. */
  readonly mostDerivations: number;
}

export interface CompileOptions {
  /** The place of the schema in the request: `response_format.json_schema.schema`. */
  readonly path: string;
  readonly limits?: Partial<GrammarLimits>;
  /** Shared with other schemas of the request. Default: a budget of its own, of `limits`. */
  readonly budget?: Budget;
}

/**
 * The grammar of the JSON texts that a model may write for a schema; all of them are valid. Fails with
 * `unsupported_parameter` at the path of a keyword that cannot be enforced, with `invalid_type` or `invalid_value` at
 * the path of a value that is no schema, and with `invalid_value` where no value is valid or the schema is too large.
 * Pure; takes a few milliseconds for an ordinary schema. docs/structured-output.md lists what is enforced.
 */
export function compileSchema(schema: JsonValue, options: CompileOptions): Result<CompiledGrammar> {
  const limits = { ...defaultLimits, ...options.limits };
  const rules = createRuleSet();
  const root = rules.declare(options.path);
  const value = schemaExpression(rules, schema, options.path, limits, options.budget);
  if (!value.ok) return value;
  root.body = value.value;
  return finishGrammar(rules, root, limits);
}

/** The grammar of all JSON objects: `response_format: {type: json_object}`. */
export function compileJsonObject(): CompiledGrammar {
  const rules = createRuleSet();
  const root = rules.declare();
  root.body = anyObject(rules);
  return {
    gbnf: printGbnf(rules.rules) ?? '',
    ruleCount: rules.rules.length,
    mostDerivations: derivations(rules.rules, defaultLimits.maxDerivations, defaultLimits.maxSteps).most,
  };
}

/** One schema as an expression over `rules`, which other schemas may share. Fails as `compileSchema` does. */
export function schemaExpression(
  rules: RuleSet,
  schema: JsonValue,
  path: string,
  limits: GrammarLimits,
  budget: Budget = createBudget(limits),
): Result<Expression> {
  if (!isSchema(schema)) {
    return fail(failure('invalid_type', 'A schema must be an object, or true or false.', { param: path }));
  }
  const size = tooLarge(schema, path, limits);
  if (size !== undefined) return fail(size);
  const problems = createProblems();
  const document = createSchemaDocument({ schema, path }, problems, budget);
  const expression = createCompiler(rules, problems, document, limits, budget).value([{ schema, path }]);
  return problems.first === undefined ? ok(expression) : fail(problems.first);
}

/** Removes parts that no text can complete, bounds the cost of a token, checks the size and prints the grammar. */
export function finishGrammar(rules: RuleSet, root: Rule, limits: GrammarLimits): Result<CompiledGrammar> {
  const pruned = prune(rules.rules, root);
  if (!pruned.ok) {
    const param = pruned.path ?? root.path;
    return fail(
      failure('invalid_value', 'Nothing can satisfy this schema.', {
        ...(param === undefined ? {} : { param }),
      }),
    );
  }
  return boundAndPrint(pruned.rules, root, limits);
}

function boundAndPrint(
  rules: readonly Rule[],
  { path: param }: Rule,
  limits: GrammarLimits,
): Result<CompiledGrammar> {
  const refuse = (message: string, path = param): Result<never> =>
    fail(failure('invalid_value', message, path === undefined ? {} : { param: path }));
  const fits = (candidate: readonly Rule[]): boolean =>
    candidate.length <= limits.maxRules && leftmostWalks(candidate) <= limits.maxLeftmostWalks;
  if (!fits(rules)) {
    return refuse(
      `The schema is too large: its grammar has ${rules.length} rules, or too many that begin with one another.`,
    );
  }
  const { rules: chosen, alive } = fewestDerivations(rules, limits, fits);
  if (alive.most > limits.maxDerivations) {
    return refuse(
      `The alternatives here begin alike and cannot be told apart soon enough: over ${limits.maxDerivations} of them would have to be followed at once. Let them differ in their first property, or use fewer.`,
      alive.path,
    );
  }
  const repeated = repetitions(chosen);
  if (repeated > limits.maxRepetitions) {
    return refuse(
      `The schema is too large: its lengths and counts add up to ${repeated}, and ${limits.maxRepetitions} are the most.`,
    );
  }
  const gbnf = printGbnf(chosen, limits.maxBytes);
  if (gbnf !== undefined) return ok({ gbnf, ruleCount: chosen.length, mostDerivations: alive.most });
  return refuse(
    `The schema is too large: its grammar has ${chosen.length} rules and over ${limits.maxBytes} bytes.`,
  );
}

/** From this many derivations on alternatives are made to share prefixes; fewer cost a few milliseconds a token. */
const manyDerivations = 24;

function fewestDerivations(
  rules: readonly Rule[],
  limits: GrammarLimits,
  fits: (rules: readonly Rule[]) => boolean,
): { readonly rules: readonly Rule[]; readonly alive: Derivations } {
  const plain = { rules, alive: derivations(rules, limits.maxDerivations, limits.maxSteps) };
  if (plain.alive.most < manyDerivations) return plain;
  const factored = leftFactor(mergeRules(rules), 6 * limits.maxSteps);
  if (!fits(factored) || printGbnf(factored, limits.maxBytes) === undefined) return plain;
  const alive = derivations(factored, limits.maxDerivations, limits.maxSteps);
  return alive.most < plain.alive.most ? { rules: factored, alive } : plain;
}

/**
 * The failure of a schema that is too deep or has too many values. Counts level by level without recursion, because
 * this is the first step with a schema of any depth.
 */
export function tooLarge(schema: JsonValue, path: string, limits: GrammarLimits): Failure | undefined {
  let level: readonly JsonValue[] = [schema];
  let nodes = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    nodes += level.length;
    if (depth > limits.maxDepth) {
      return failure('invalid_value', `The schema is nested over ${limits.maxDepth} levels deep.`, {
        param: path,
      });
    }
    if (nodes > limits.maxNodes) {
      return failure('invalid_value', `The schema has over ${limits.maxNodes} values.`, { param: path });
    }
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return undefined;
}
