import { anthropicInputs } from './anthropic-inputs.ts';
import { argumentInputs, nameInputs, sharedIndexInputs } from './calls.ts';
import { combinedInputs } from './combined.ts';
import { countInputs } from './counts.ts';
import { finishReasonInputs } from './finish-reasons.ts';
import { finishInputs } from './finishes.ts';
import { formInputs } from './forms.ts';
import { framingInputs } from './framing.ts';
import { geminiInputs } from './gemini-inputs.ts';
import { indexInputs } from './indexes.ts';
import type { UpstreamInput } from './input.ts';
import { otherOutputInputs } from './other-output.ts';

/** Odd answers of upstreams, each with what a client has to get of it. */
export const upstreamInputs: readonly UpstreamInput[] = [
  ...finishInputs,
  ...indexInputs,
  ...sharedIndexInputs,
  ...nameInputs,
  ...argumentInputs,
  ...otherOutputInputs,
  ...finishReasonInputs,
  ...countInputs,
  ...framingInputs,
  ...formInputs,
  ...combinedInputs,
  ...anthropicInputs,
  ...geminiInputs,
];
