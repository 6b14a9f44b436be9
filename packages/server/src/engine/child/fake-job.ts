import type { Sampling } from '../between/protocol.ts';
import { toolSyntaxes } from '../between/tool-syntax.ts';
import type { Job } from './job.ts';

/** Sampling for tests that is about nothing in particular. */
export const plainSampling: Sampling = {
  temperature: 1,
  topP: 1,
  seed: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: [],
  repeatable: false,
};

/** A job for tests: free text, one choice, up to a hundred tokens, unless `more` says otherwise. */
export function fakeJob(more: Partial<Job> = {}): Job {
  return {
    id: 1,
    keyId: 'k',
    tokens: [1, 2],
    prefixTokens: 0,
    sampling: plainSampling,
    maxTokens: 100,
    stop: [],
    choices: 1,
    shape: { type: 'text' },
    syntax: toolSyntaxes.tagged,
    tags: [],
    opened: undefined,
    closing: [],
    ...more,
  };
}
