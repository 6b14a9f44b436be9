/** Every form in which LiteLLM's public catalogue writes costs, in a catalogue that is made up (`testing/prices-forms.json`). */
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { type PricesCatalogue, readPricesCatalogue } from './prices-catalogue.ts';

let catalogue: PricesCatalogue;
beforeAll(async () => {
  const text = await readFile(new URL('./testing/prices-forms.json', import.meta.url), 'utf8');
  catalogue = read(text);
});

function read(text: string): PricesCatalogue {
  const made = readPricesCatalogue(text);
  if (typeof made === 'string') throw new Error(made);
  return made;
}

function listed(name: string) {
  const found = catalogue.find([name]);
  if (!('listed' in found)) throw new Error(`${name} has no price`);
  expect(catalogue.problems).toEqual([]);
  return found.listed;
}

/** The fields of an entry that no request is charged for, by what they are for. */
function uncounted(name: string) {
  return Object.fromEntries(listed(name).uncounted.map(({ what, fields }) => [what, fields]));
}

describe('a price of the catalogue', () => {
  const numbers = {
    input: '0.29999999999999997',
    output: '10',
    cached: '0',
    cacheWrite: '3.75',
    request: '0.005',
    above: [],
  };

  it('takes numbers by their spelling', () => {
    expect(listed('numbers')).toEqual({ entry: 'numbers', price: numbers, uncounted: [] });
  });

  it('takes numbers that are written as texts', () => {
    expect(listed('texts').price).toEqual({
      input: '1',
      output: '2',
      cached: '0.1',
      request: '0.01',
      above: [{ tokens: 128_000, input: '2.5' }],
    });
  });

  it('takes the older name of a cache read', () => {
    expect(listed('older-name').price.cached).toBe('0.1');
  });

  it('has a step for each ending of a cost that counts', () => {
    expect(listed('endings')).toMatchObject({
      price: {
        above: [
          { tokens: 32_000, cached: '0.2' },
          { tokens: 200_000, cacheWrite: '2.5' },
          { tokens: 272_000, input: '4', output: '9' },
        ],
      },
      uncounted: [{ what: 'audio', fields: ['input_cost_per_audio_token_above_64k_tokens'] }],
    });
  });

  it('has a step for each tier by the length of the prompt', () => {
    expect(listed('tiers').price).toEqual({
      input: '1',
      output: '3',
      cached: '0.1',
      above: [
        { tokens: 32_000, input: '2', output: '6', cached: '0.2' },
        { tokens: 128_000, input: '4', cacheWrite: '5' },
      ],
    });
    expect(listed('tiers-beside-a-price')).toMatchObject({
      price: { input: '1', output: '3', above: [{ tokens: 100_000, input: '5', output: '9' }] },
      uncounted: [{ what: 'reasoning tokens', fields: ['output_cost_per_reasoning_token'] }],
    });
  });

  it('is that of the entry which an alias names', () => {
    expect(listed('another-name')).toMatchObject({ entry: 'numbers', price: numbers });
    expect(listed('third-name')).toMatchObject({ entry: 'numbers', price: numbers });
  });

  it('may be 0', () => {
    expect(listed('free').price).toEqual({ input: '0', output: '0', above: [] });
  });
});

describe('costs that no request is charged for', () => {
  it('are named by what they are for', () => {
    expect(uncounted('service-tiers')).toEqual({
      'the service tier flex': ['input_cost_per_token_flex', 'output_cost_per_token_flex'],
      'the service tier priority': [
        'input_cost_per_token_priority',
        'input_cost_per_token_above_200k_tokens_priority',
      ],
      'the service tier ultrafast': ['cache_read_input_token_cost_ultrafast'],
    });
    expect(uncounted('long-caches')).toEqual({
      'caches that are kept for hours': [
        'cache_creation_input_token_cost_above_1hr',
        'cache_creation_input_token_cost_above_1hr_above_200k_tokens',
        'cache_creation_input_token_cost_above_12hr_priority',
      ],
      'explicit caches': ['explicit_cache_read_input_token_cost'],
    });
    expect(uncounted('other-tokens')).toEqual({
      'reasoning tokens': ['output_cost_per_reasoning_token'],
      audio: [
        'input_cost_per_audio_token',
        'input_cost_per_audio_token_flex',
        'cache_read_input_audio_token_cost',
      ],
      images: ['input_cost_per_image_token', 'input_cost_per_image'],
      video: ['input_cost_per_video_per_second'],
      seconds: ['input_cost_per_second'],
      characters: ['output_cost_per_character'],
    });
  });

  it('are left out where they are nothing, or as the costs that count', () => {
    expect(uncounted('same-tokens')).toEqual({});
  });

  it('keep their own names where these are new', () => {
    expect(uncounted('around-tokens')).toEqual({
      'searches and tools of the provider': [
        'search_context_cost_per_query',
        'google_maps_grounding_cost_per_query',
        'code_interpreter_cost_per_session',
        'file_search_cost_per_1k_calls',
        'citation_cost_per_token',
      ],
      'regions and speeds': [
        'regional_processing_uplift_multiplier_eu',
        'fedramp_uplift_multiplier',
        'provider_specific_entry',
      ],
      'hours of the day': ['off_peak_pricing'],
      cost_that_nobody_knows: ['cost_that_nobody_knows'],
      surge_pricing: ['surge_pricing'],
    });
  });
});

describe('a name without a price', () => {
  it('says which names were looked for, and what its entry has instead', () => {
    expect(catalogue.find(['lab/none', 'none', 'none'])).toEqual({
      unlisted: { tried: ['lab/none', 'none'] },
    });
    expect(catalogue.find(['none', 'only-seconds', 'without-a-cost'])).toEqual({
      unlisted: {
        tried: ['none', 'only-seconds', 'without-a-cost'],
        entry: 'only-seconds',
        uncounted: [{ what: 'seconds', fields: ['input_cost_per_second', 'output_cost_per_second'] }],
      },
    });
    expect(catalogue.find(['searches'])).toMatchObject({
      unlisted: {
        uncounted: [{ what: 'searches and tools of the provider', fields: ['input_cost_per_query'] }],
      },
    });
    expect(catalogue.find(['without-a-cost', 'free'])).toMatchObject({ listed: { entry: 'free' } });
  });

  it('is none that stands behind one with a price: its mistakes are not reported', () => {
    const other = read('{"a": {"input_cost_per_token": 0}, "b": 7}');
    expect(other.find(['a', 'b'])).toMatchObject({ listed: { entry: 'a' } });
    expect(other.problems).toEqual([]);
  });
});

describe('an entry that is wrong', () => {
  it.each([
    ['{"m": {"alias_of": "gone"}}', 'entry "m": alias_of: expected the name of another entry, got "gone"'],
    ['{"m": {"alias_of": "m"}}', 'entry "m": alias_of: expected the name of another entry, got "m"'],
    [
      '{"m": {"alias_of": "n"}, "n": {"alias_of": "m"}}',
      'entry "n": alias_of: expected the name of another entry, got "m"',
    ],
    ['{"m": {"alias_of": 7}}', 'entry "m": alias_of: expected the name of another entry, got 7'],
    [
      '{"m": {"input_cost_per_token": "1 dollar"}}',
      'entry "m": input_cost_per_token: expected dollars from 0 to 1',
    ],
    [
      '{"m": {"input_cost_per_token": true}}',
      'entry "m": input_cost_per_token: expected dollars from 0 to 1, got true',
    ],
    ['{"m": {"tiered_pricing": 7}}', 'entry "m": tiered_pricing: expected a list of tiers'],
    [
      '{"m": {"tiered_pricing": [{"input_cost_per_token": 1}]}}',
      'entry "m": tiered_pricing: expected a list of tiers',
    ],
    [
      '{"m": {"tiered_pricing": [{"range": [100, 200], "output_cost_per_token": 0}]}}',
      'entry "m": tiered_pricing: expected a list of tiers',
    ],
    [
      '{"m": {"tiered_pricing": [{"range": [0, 9]}, {"range": [0, 99], "input_cost_per_token": 0}]}}',
      'entry "m": tiered_pricing: expected a list of tiers',
    ],
    [
      '{"m": {"tiered_pricing": [{"range": [0, 9], "output_cost_per_token": 7}]}}',
      'entry "m": output_cost_per_token: expected dollars from 0 to 1, got 7',
    ],
  ])('is a problem: %s', (text, problem) => {
    const wrong = read(text);
    wrong.find(['m']);
    expect(wrong.problems.length).toBeGreaterThan(0);
    expect(wrong.problems[0]).toContain(problem);
  });
});
