import { type ChatRequest, objectSchemaOf, toolChoiceOf } from '../../domain/chat-request.ts';
import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import {
  type CompiledGrammar,
  compileJsonObject,
  createGrammarCompiler,
  type GrammarCompiler,
} from '../../grammar/grammar-compiler.ts';
import type { TaskOwner } from '../../worker/killable-thread.ts';
import type { AnswerShape } from '../between/protocol.ts';
import { type ToolSyntaxName, toolSyntaxes } from '../between/tool-syntax.ts';
import { eitherGrammar } from './either-grammar.ts';

/** A result, or the promise of one where a large schema is compiled on a thread. */
export type Pending<T> = Result<T> | Promise<Result<T>>;

/** Makes the answer shape of a request; compiled schemas are kept. */
export interface AnswerShapes {
  /**
   * Fails as the compiler does, and with `unsupported_parameter` for fields that cannot be honoured together. The time
   * of compiling is charged to the owner's key. When the owner's signal aborts, a schema that waits is not compiled.
   */
  of(request: ChatRequest, syntax: ToolSyntaxName, owner: TaskOwner): Pending<AnswerShape>;
  /** Ends the compiler's thread. */
  close(): Promise<void>;
}

export function createAnswerShapes(compiler: GrammarCompiler = createGrammarCompiler()): AnswerShapes {
  const anyObject = compileJsonObject().gbnf;

  function format({ responseFormat }: ChatRequest, owner: TaskOwner): Pending<AnswerShape> {
    if (responseFormat.type === 'text') return ok({ type: 'text' });
    const object = responseFormat.type === 'json_object';
    const schema = object ? objectSchemaOf(responseFormat) : (responseFormat.schema ?? {});
    if (schema === undefined) return ok({ type: 'grammar', gbnf: anyObject });
    const path = object ? 'response_format.schema' : 'response_format.json_schema.schema';
    const job = { kind: 'schema', schema, path } as const;
    return shaped(compiler.compile(job, owner), ({ gbnf }) => ({ type: 'grammar', gbnf }));
  }

  function calls(request: ChatRequest, syntax: ToolSyntaxName, owner: TaskOwner): Pending<AnswerShape> {
    const choice = toolChoiceOf(request);
    const forced = choice.type !== 'auto';
    const tools = request.tools.map(({ name, parameters = {}, strict = false }) => ({
      name,
      parameters,
      strict,
    }));
    // A function that `tool_choice` names is called once.
    const parallel = request.parallelToolCalls !== false && choice.type !== 'function';
    const options = { choice, parallel, syntax: toolSyntaxes[syntax] };
    const compiled = compiler.compile({ kind: 'tools', tools, options }, owner);
    return shaped(compiled, ({ gbnf }) => ({ type: 'calls', gbnf, forced }));
  }

  return {
    of(request, syntax, owner) {
      const refused = refusedTogether(request, syntax);
      if (refused !== undefined) return fail(refused);
      if (!callsTools(request)) return format(request, owner);
      const called = calls(request, syntax, owner);
      return choosesFormat(request) ? both(format(request, owner), called) : called;
    },
    close: () => compiler.close(),
  };
}

function both(json: Pending<AnswerShape>, called: Pending<AnswerShape>): Pending<AnswerShape> {
  const join = (one: Result<AnswerShape>, other: Result<AnswerShape>): Result<AnswerShape> =>
    one.ok && other.ok ? ok(either(one.value, other.value)) : one.ok ? other : one;
  if (json instanceof Promise || called instanceof Promise) {
    return Promise.all([json, called]).then(([one, other]) => join(one, other));
  }
  return join(json, called);
}

function shaped(
  compiled: Pending<CompiledGrammar>,
  shape: (grammar: CompiledGrammar) => AnswerShape,
): Pending<AnswerShape> {
  const of = (result: Result<CompiledGrammar>): Result<AnswerShape> =>
    result.ok ? ok(shape(result.value)) : result;
  return compiled instanceof Promise ? compiled.then(of) : of(compiled);
}

function callsTools(request: ChatRequest): boolean {
  return request.tools.length > 0 && toolChoiceOf(request).type !== 'none';
}

/** True where the answer is JSON of the format or calls, which the model chooses. */
function choosesFormat(request: ChatRequest): boolean {
  return request.responseFormat.type !== 'text' && toolChoiceOf(request).type === 'auto';
}

function either(json: AnswerShape, called: AnswerShape): AnswerShape {
  if (json.type === 'text' || called.type === 'text') return called;
  return { type: 'json-or-calls', gbnf: eitherGrammar(json.gbnf, called.gbnf) };
}

/** The failure of fields that cannot be honoured together with this syntax of calls; undefined where there are none. */
export function refusedTogether(request: ChatRequest, syntax: ToolSyntaxName): Failure | undefined {
  if (request.responseFormat.type === 'text') return undefined;
  const calls = callsTools(request);
  if (calls && !choosesFormat(request)) return undefined;
  if (request.stop.length > 0) {
    const message =
      "'stop' could cut the JSON that 'response_format' asks for: this model takes one of both.";
    return failure('unsupported_parameter', message, { param: 'stop' });
  }
  // Calls without a marker cannot be distinguished from JSON of the format.
  if (!calls || !toolSyntaxes[syntax].atStart) return undefined;
  const message =
    "'response_format' and 'tools' with 'tool_choice: auto' cannot be told apart in what this model writes: " +
    "send one of both, or 'tool_choice: required'.";
  return failure('unsupported_parameter', message, { param: 'response_format' });
}
