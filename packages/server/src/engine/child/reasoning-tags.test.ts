import { describe, expect, test } from 'vitest';
import { detectReasoningTags, openedTags } from './reasoning-tags.ts';

const think = { open: '<think>', close: '</think>' };

describe('tags', () => {
  test('rarer tags count where the template contains them', () => {
    expect(detectReasoningTags(undefined).map((tags) => tags.open)).toEqual(['<think>']);
    expect(detectReasoningTags("… '[THINK]' …").map((tags) => tags.open)).toEqual(['<think>', '[THINK]']);
  });

  test('a prompt that ends with an opening tag leaves it open', () => {
    expect(openedTags('x<|assistant|>\n<think>\n', [think])).toBe(think);
    expect(openedTags('<think></think>', [think])).toBeUndefined();
  });
});
