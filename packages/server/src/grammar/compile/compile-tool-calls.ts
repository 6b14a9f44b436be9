import type { ToolChoice, ToolDefinition } from '../../domain/chat-request.ts';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import { literal } from '../expressions/json-strings.ts';
import { colon, comma } from '../expressions/shared-rules.ts';
import { choice, type Expression, sequence, text } from '../rules/expression.ts';
import { type Budget, createBudget, defaultLimits, type GrammarLimits } from '../rules/limits.ts';
import { createRuleSet, type RuleSet } from '../rules/rule-set.ts';
import { type CompiledGrammar, compileSchema, finishGrammar, schemaExpression } from './compile-schema.ts';

/**
 * How calls are written: `open`, the calls with `between` between any two of them, `close`. A call is
 * `{"name": "…", "arguments": {…}}`; `argumentsKey` is the second key.
 */
export interface ToolCallSyntax {
  readonly open: string;
  readonly between: string;
  readonly close: string;
  readonly argumentsKey: string;
}

/** For models whose templates know no tools: the prompt explains it. Hermes and Qwen write it without that. */
export const genericToolCallSyntax: ToolCallSyntax = {
  open: '<tool_call>\n',
  between: '\n</tool_call>\n<tool_call>\n',
  close: '\n</tool_call>',
  argumentsKey: 'arguments',
};

export interface ToolCallsOptions {
  /** `required` and `auto` allow all tools, a function only itself; `none` is refused. */
  readonly choice: ToolChoice;
  /** True: an answer may have several calls, at most 16. */
  readonly parallel: boolean;
  readonly syntax: ToolCallSyntax;
  readonly limits?: Partial<GrammarLimits>;
}

const mostCalls = 16;

/**
 * The grammar of one or more calls whose arguments are valid against the schemas of their tools. Fails as
 * `compileSchema` does, at `tools[2].function.parameters…`, and with `invalid_value` where the chosen tool is missing.
 */
export function compileToolCalls(
  tools: readonly ToolDefinition[],
  options: ToolCallsOptions,
): Result<CompiledGrammar> {
  const { choice: wanted, parallel, syntax } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const rules = createRuleSet();
  // Fifty ordinary tools need less than a quarter of it.
  const budget = createBudget(limits);
  const root = rules.declare('tools');
  const calls: Expression[] = [];
  for (const [index, { name, parameters = {} }] of tools.entries()) {
    if (wanted.type === 'none' || (wanted.type === 'function' && wanted.name !== name)) continue;
    const path = `tools[${index}].function.parameters`;
    // Compiled alone first: in a grammar of several tools, a tool with an impossible schema would never be called.
    const alone = compileToolArguments(parameters, path, limits, budget);
    if (!alone.ok) return alone;
    const value = argumentsExpression(rules, parameters, path, limits, budget);
    if (!value.ok) return value;
    calls.push(
      sequence(
        text('{'),
        literal('name'),
        colon(rules),
        literal(name),
        comma(rules),
        literal(syntax.argumentsKey),
        colon(rules),
        rules.define(value.value, path),
        text('}'),
      ),
    );
  }
  if (calls.length === 0) {
    const param = wanted.type === 'function' ? 'tool_choice.function.name' : 'tools';
    return fail(failure('invalid_value', 'There is no tool to call here.', { param }));
  }
  const call = rules.define(choice(...calls));
  const more = parallel ? rules.repeat(sequence(text(syntax.between), call), 0, mostCalls - 1) : sequence();
  root.body = sequence(text(syntax.open), call, more, text(syntax.close));
  return finishGrammar(rules, root, limits);
}

/** The grammar of the arguments of one tool; with an empty schema they are `{}`. Fails as `compileSchema` does. */
export function compileToolArguments(
  parameters: JsonValue,
  path: string,
  limits: Partial<GrammarLimits> = {},
  budget?: Budget,
): Result<CompiledGrammar> {
  const shared = budget === undefined ? {} : { budget };
  return compileSchema(takesNothing(parameters) ? emptyObjectSchema : parameters, {
    path,
    limits,
    ...shared,
  });
}

function argumentsExpression(
  rules: RuleSet,
  parameters: JsonValue,
  path: string,
  limits: GrammarLimits,
  budget: Budget,
): Result<Expression> {
  return takesNothing(parameters)
    ? ok(text('{}'))
    : schemaExpression(rules, parameters, path, limits, budget);
}

const emptyObjectSchema: JsonValue = { type: 'object', additionalProperties: false };

function takesNothing(parameters: JsonValue): boolean {
  return typeof parameters === 'object' && parameters !== null && Object.keys(parameters).length === 0;
}
