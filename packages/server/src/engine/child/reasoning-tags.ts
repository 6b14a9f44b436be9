import type { ReasoningTags } from '../../domain/reasoning-split.ts';

/** The tags of common models. The first pair is always recognised, the others only where the template contains them. */
const knownTags: readonly [ReasoningTags, ...ReasoningTags[]] = [
  { open: '<think>', close: '</think>' },
  { open: '<thinking>', close: '</thinking>' },
  { open: '<thought>', close: '</thought>' },
  { open: '<reasoning>', close: '</reasoning>' },
  { open: '[THINK]', close: '[/THINK]' },
  { open: '<|START_THINKING|>', close: '<|END_THINKING|>' },
];

export function detectReasoningTags(template: string | undefined): readonly ReasoningTags[] {
  const [always, ...others] = knownTags;
  return [always, ...others.filter((tags) => template?.includes(tags.open) === true)];
}

/** The tags that a rendered prompt leaves open: the answer begins inside them. Undefined where there are none. */
export function openedTags(prompt: string, tags: readonly ReasoningTags[]): ReasoningTags | undefined {
  const end = prompt.trimEnd();
  return tags.find(({ open }) => end.endsWith(open));
}
