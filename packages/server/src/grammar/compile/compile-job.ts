import type { ToolDefinition } from '../../domain/chat-request.ts';
import type { Result } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { GrammarLimits } from '../rules/limits.ts';
import { type CompiledGrammar, compileSchema } from './compile-schema.ts';
import { compileToolCalls, type ToolCallsOptions } from './compile-tool-calls.ts';

/** What there is to compile: plain values, so that it can be sent to another thread and be written as a key. */
export type CompileJob =
  | { readonly kind: 'schema'; readonly schema: JsonValue; readonly path: string }
  | {
      readonly kind: 'tools';
      readonly tools: readonly ToolDefinition[];
      readonly options: Omit<ToolCallsOptions, 'limits'>;
    };

/** Failures as of `compileSchema` and `compileToolCalls`. */
export function runJob(job: CompileJob, limits: Partial<GrammarLimits> = {}): Result<CompiledGrammar> {
  switch (job.kind) {
    case 'schema':
      return compileSchema(job.schema, { path: job.path, limits });
    case 'tools':
      return compileToolCalls(job.tools, { ...job.options, limits });
  }
}
