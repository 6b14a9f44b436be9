import type { Mutation } from '../mutable-stream.ts';
import { argumentMutations } from './argument-mutations.ts';
import { callMutations } from './call-mutations.ts';
import { damageMutations } from './damage-mutations.ts';
import { finishMutations } from './finish-mutations.ts';
import { formMutations, wholeMutations } from './form-mutations.ts';
import { framingMutations } from './framing-mutations.ts';
import { indexMutations } from './index-mutations.ts';
import { outputMutations } from './output-mutations.ts';
import { usageMutations } from './usage-mutations.ts';

/** Every mutation, in the order in which several are applied: form, content, place, bytes, damage. */
export const mutations: readonly Mutation[] = [
  ...wholeMutations,
  ...outputMutations,
  ...argumentMutations,
  ...callMutations,
  ...usageMutations,
  ...finishMutations,
  ...indexMutations,
  ...framingMutations,
  ...formMutations,
  ...damageMutations,
];
