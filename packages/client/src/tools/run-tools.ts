import type { Completions } from '../client/completions.ts';
import type { RunToolsOptions, RunToolsParams, ToolRunner } from './contract.ts';
import type { RunnerParts } from './lazy-runner.ts';
import { runToolLoop } from './tool-loop.ts';
import { createToolRunner } from './tool-runner.ts';

/** The runner of one call of `runTools`. */
export function runTools<Context>(
  completions: Completions,
  body: RunToolsParams<Context>,
  options: RunToolsOptions,
  parts: RunnerParts,
): ToolRunner {
  return createToolRunner((run) => runToolLoop(completions, body, options, run), options.signal, parts);
}
