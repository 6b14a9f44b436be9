import type { Sampling } from '../between/protocol.ts';
import { toolSyntaxes } from '../between/tool-syntax.ts';
import type { Job } from './job.ts';

/** Default sampling for tests. */
export const plainSampling: Sampling = {
  temperature: 1,
  topP: 1,
  seed: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: [],
  repeatable: false,
};

/** A job for tests: by default free text, one choice, at most a hundred tokens. */
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
