import type { ToolDefinition } from '../../domain/chat-request.ts';
import type { Result } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { GrammarLimits } from '../rules/limits.ts';
import { type CompiledGrammar, compileSchema } from './compile-schema.ts';
import { compileToolCalls, type ToolCallsOptions } from './compile-tool-calls.ts';

/** What is to be compiled: plain values, which can be sent to a thread and written as the key of a cache. */
export type CompileJob =
  | { readonly kind: 'schema'; readonly schema: JsonValue; readonly path: string }
  | {
      readonly kind: 'tools';
      readonly tools: readonly ToolDefinition[];
      readonly options: Omit<ToolCallsOptions, 'limits'>;
    };

/** Fails as `compileSchema` and `compileToolCalls` do. */
export function runJob(job: CompileJob, limits: Partial<GrammarLimits> = {}): Result<CompiledGrammar> {
  switch (job.kind) {
    case 'schema':
      return compileSchema(job.schema, { path: job.path, limits });
    case 'tools':
      return compileToolCalls(job.tools, { ...job.options, limits });
  }
}
