import { decodeJsonText } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { readChunks } from './fake-answer.ts';
import type { ChatStreamOptions } from './stream.ts';

interface Piece {
  readonly content?: string;
  readonly reasoning?: string;
  readonly refusal?: string;
  readonly tool_calls?: readonly unknown[];
  readonly reasoning_details?: readonly unknown[];
}

function chunk(delta: Piece, index = 0, more: object = {}): unknown {
  return { choices: [{ index, delta, finish_reason: null, ...more }] };
}

function finish(index = 0, reason = 'stop'): unknown {
  return { choices: [{ index, delta: {}, finish_reason: reason }] };
}

const usage = (completion: number) => ({ prompt_tokens: 7, completion_tokens: completion });

function joined(events: readonly StreamEvent[], type: StreamEvent['type'], choice = 0): string {
  return events
    .flatMap((event) =>
      event.type === type && 'json' in event && event.choice === choice ? [decodeJsonText(event.json)] : [],
    )
    .join('');
}

/** The types of the events in their order; adjacent events of one type count once. */
function order(events: readonly StreamEvent[]): string[] {
  const types = events.map(({ type }) => type);
  return types.filter((type, at) => type !== types[at - 1]);
}

const failureOf = (events: readonly StreamEvent[]) =>
  events.flatMap((event) => (event.type === 'failed' ? [event.failure.code] : []));

describe('reasoning in tags', () => {
  const text = '\n<think>\nwhy, 😀 </thin\n</think>\n\nSo: <think>not a thought</think>.';
  const thought = 'why, 😀 </thin\n';
  const answer = 'So: <think>not a thought</think>.';

  function read(pieces: readonly string[], more: Partial<ChatStreamOptions> = {}) {
    const { events, answer } = readChunks(more);
    for (const content of pieces) answer.chunk(chunk({ content }));
    const plain = answer.isPlain();
    answer.chunk(finish());
    answer.end();
    return { events, plain };
  }

  test('is a block at the beginning of the answer, also with split tags; later tags are text', () => {
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= Math.min(first + 9, text.length); second++) {
        const { events } = read([text.slice(0, first), text.slice(first, second), text.slice(second)]);
        expect(joined(events, 'reasoning-delta')).toBe(thought);
        expect(joined(events, 'text-delta')).toBe(answer);
        expect(order(events)).toEqual(['reasoning-delta', 'text-delta', 'finish']);
      }
    }
    const { events, plain } = read([...text]);
    expect([joined(events, 'reasoning-delta'), joined(events, 'text-delta')]).toEqual([thought, answer]);
    expect(plain).toBe(true);
  });

  test('is not assumed where the answer does not begin with a tag: its text is emitted at once', () => {
    for (const plain of ['So <think>', ' <thin', '<thinker> a', '<', '\n\n', '']) {
      expect(joined(read([...plain]).events, 'text-delta')).toBe(plain);
    }
    const { events, answer } = readChunks();
    expect(answer.isPlain()).toBe(false);
    answer.chunk(chunk({ content: 'So' }));
    expect(joined(events, 'text-delta')).toBe('So');
    expect(answer.isPlain()).toBe(true);
  });

  test('keeps the choice from being plain, and so does text that may still be a tag', () => {
    const { answer } = readChunks();
    const plain = ['\n', '<thi', 'nk>why', '</think>', '\n', 'So'].map((content) => {
      answer.chunk(chunk({ content }));
      return answer.isPlain();
    });
    expect(plain).toEqual([false, false, false, false, false, true]);
  });

  test('without an end tag lasts until the finish, with any reason', () => {
    for (const reason of ['stop', 'length']) {
      const { events, answer } = readChunks();
      for (const content of ['<think>on', ' and on', ' </thi']) answer.chunk(chunk({ content }));
      answer.chunk(finish(0, reason));
      answer.end();
      expect(joined(events, 'reasoning-delta')).toBe('on and on </thi');
      expect(joined(events, 'text-delta')).toBe('');
      expect(events.at(-1)).toEqual({ type: 'finish', choice: 0, reason });
    }
  });

  test('is separated in each choice by itself', () => {
    const { events, answer } = readChunks({ choices: 2 });
    for (const [index, content] of [
      [0, '<th'],
      [1, 'No th'],
      [0, 'ink>a'],
      [1, 'oughts'],
      [0, '</think>b'],
    ] as const) {
      answer.chunk(chunk({ content }, index));
    }
    for (const index of [0, 1]) answer.chunk(finish(index));
    answer.end();
    expect([joined(events, 'reasoning-delta', 0), joined(events, 'text-delta', 0)]).toEqual(['a', 'b']);
    expect([joined(events, 'reasoning-delta', 1), joined(events, 'text-delta', 1)]).toEqual([
      '',
      'No thoughts',
    ]);
  });

  test('is not assumed in an answer with a field for reasoning', () => {
    const { events, answer } = readChunks();
    answer.chunk(chunk({ content: '\n' }));
    answer.chunk(chunk({ reasoning: 'why' }));
    answer.chunk(chunk({ content: '<think>a tag</think>' }));
    expect(joined(events, 'reasoning-delta')).toBe('why');
    expect(joined(events, 'text-delta')).toBe('<think>a tag</think>');
  });

  test('is not assumed after a prefix: a tag is text', () => {
    const { events } = read(['<think>', 'a'], { continues: true });
    expect(joined(events, 'text-delta')).toBe('<think>a');
  });

  test('is not decided by half a tag: held text is emitted before a call or a refusal', () => {
    const call = { index: 0, id: 'a', function: { name: 'f', arguments: '{"a":1}' } };
    for (const piece of [{ tool_calls: [call] }, { refusal: 'No.' }]) {
      const { events, answer } = readChunks();
      answer.chunk(chunk({ content: '<thi' }));
      answer.chunk(chunk(piece));
      expect(events[0]).toMatchObject({ type: 'text-delta', json: '<thi' });
      expect(events).not.toHaveLength(1);
    }
  });

  test('has no log probabilities; a text keeps its own', () => {
    const logprobs = (token: string) => ({ logprobs: { content: [{ token, logprob: -1 }] } });
    const tokensOf = (pieces: readonly string[]) => {
      const { events, answer } = readChunks();
      for (const content of pieces) answer.chunk(chunk({ content }, 0, logprobs(content)));
      return events.flatMap((event) =>
        event.type === 'text-delta' ? (event.logprobs ?? []).map(({ token }) => token) : [],
      );
    };
    expect(tokensOf(['<', 'div', '>'])).toEqual(['<', 'div', '>']);
    expect(tokensOf(['<', 'think>', 'why', '</think>', '\n', 'So'])).toEqual(['So']);
  });

  test('does not change the count of tokens', () => {
    const { events } = read(['<', 'think>', 'why', ' so', '</', 'think>', '\n', 'So', '.']);
    const tokens = events.map((event) =>
      event.type === 'text-delta' || event.type === 'reasoning-delta' ? (event.tokens ?? 1) : 0,
    );
    expect(tokens.reduce((sum, one) => sum + one, 0)).toBe(9);
  });
});

describe('an event that cannot be read', () => {
  test.each([
    '{"id":"x","choices":[{"index":0,"delta":{"con',
    '{"id":"x","choices":[{"index":0,"delta":{',
    '{"id":"x","choices":[{"index":0,"del',
    '{"choices": [ {',
    '{"choices":[{"index":0,"delta":{"role":"assistant","x":"a"}',
  ])('tears the answer where it has reached a choice: %s', (evidence) => {
    const { events, answer } = readChunks();
    answer.chunk(chunk({ content: 'a' }));
    answer.raw(evidence);
    expect(failureOf(events)).toEqual(['upstream_cut']);
  });

  test.each([
    '{"type":"ping"',
    '{"id":"x","object":"chat.comp',
    '{"id":"x","choices":[],"usage":{"prompt_tok',
    '{"choices":[{"index":0,"delta":{},"finish_reason":"st',
    '{"choices":[{"index":0,"delta":{"role":"assistant"},"logpr',
  ])('is dropped where it cannot carry output, three times in an answer: %s', (evidence) => {
    const { events, answer } = readChunks();
    answer.chunk(chunk({ content: 'a' }));
    for (let time = 0; time < 3; time += 1) answer.raw(evidence);
    expect(failureOf(events)).toEqual([]);
    answer.raw(evidence);
    expect(failureOf(events)).toEqual(['upstream_protocol']);
  });

  test.each([
    [{ content: 5 }, ['upstream_cut']],
    [[], []],
    [['a'], ['upstream_cut']],
    ['a', ['upstream_cut']],
  ])('although it is JSON tears the answer where it has output: delta %j', (delta, failures) => {
    const { events, answer } = readChunks();
    answer.chunk(chunk({ content: 'a' }));
    answer.chunk({ choices: [{ index: 0, delta, finish_reason: null }] });
    expect(failureOf(events)).toEqual(failures);
  });
});

describe('a `start` event', () => {
  test.each([
    'the key sk-1',
    'Basic-of-our-key',
    'f'.repeat(129),
    'a\nb',
    '10.3.4.5',
    'fp_10.3.4.5',
    'ip-10-3-4-5',
    'fd00::12',
    '::ffff:10.3.4.5',
    'gpu7:8000',
    'acme.co',
    'db1.corp.acme.se',
    'vault.acme.com.br',
    'gpu-node7.prod.acme.example',
  ])('is not emitted for a fingerprint that is no name: %j', (fingerprint) => {
    const { events, answer } = readChunks({ errors: () => ({ hidden: ['our-key'], nowMs: 0 }) });
    answer.chunk({ ...(chunk({ content: 'a' }) as object), system_fingerprint: fingerprint });
    expect(order(events)).toEqual(['text-delta']);
  });

  test.each([
    'fp_44709d6fcb',
    'fp_eaab8d114b_prod0820_fp8_kvcache',
    'b4567-abcdef12',
    'vllm-0.6.3',
    '2024-10-21-1',
  ])('is emitted for the fingerprint %s', (fingerprint) => {
    const { events, answer } = readChunks();
    answer.chunk({ ...(chunk({ content: 'a' }) as object), system_fingerprint: fingerprint });
    expect(events[0]).toEqual({ type: 'start', fingerprint });
  });

  test('is emitted once, before all other events', () => {
    const { events, answer } = readChunks();
    for (const content of ['', 'a', 'b']) {
      answer.chunk({ ...(chunk({ content }) as object), system_fingerprint: 'fp' });
    }
    expect(events.map(({ type }) => type)).toEqual(['start', 'text-delta', 'text-delta']);
  });

  test('is no output: an answer that ends after it is an answer without content', () => {
    const { events, answer } = readChunks();
    answer.chunk({ ...(chunk({ content: '' }) as object), system_fingerprint: 'fp' });
    answer.end();
    expect(failureOf(events)).toEqual(['upstream_protocol']);
  });

  test('is no output: an error after it may blame the request', () => {
    const { events, answer } = readChunks();
    answer.chunk({ ...(chunk({ content: '' }) as object), system_fingerprint: 'fp' });
    answer.error({ error: { message: 'temperature is too high', code: 400 } });
    expect(failureOf(events)).toEqual(['invalid_value']);
  });
});

describe('a usage', () => {
  const usages = (events: readonly StreamEvent[]) =>
    events.flatMap((event) => (event.type === 'usage' ? [event.usage] : []));

  test('before more output is an estimate, unless a later usage comes', () => {
    for (const [last, expected] of [
      [undefined, { promptTokens: 7, completionTokens: 1, estimated: true }],
      [usage(3), { promptTokens: 7, completionTokens: 3 }],
    ] as const) {
      const { events, answer } = readChunks();
      answer.chunk({ ...(chunk({ content: 'a' }) as object), usage: usage(1) });
      answer.chunk(chunk({ content: 'b' }));
      answer.chunk(chunk({ content: 'c' }));
      answer.chunk(finish());
      if (last !== undefined) answer.chunk({ choices: [], usage: last });
      answer.end();
      expect(usages(events)).toEqual([expected]);
    }
  });

  test('on the last delta is final', () => {
    const { events, answer } = readChunks();
    answer.chunk({ ...(chunk({ content: 'a' }) as object), usage: usage(1) });
    answer.chunk({ ...(chunk({ content: 'b' }) as object), usage: usage(2) });
    answer.chunk(finish());
    answer.end();
    expect(usages(events)).toEqual([{ promptTokens: 7, completionTokens: 2 }]);
  });

  test('stops the fast path until a delta has made it outdated', () => {
    const { answer } = readChunks();
    answer.chunk(chunk({ content: 'a' }));
    answer.chunk({ choices: [], usage: usage(1) });
    expect(answer.isPlain()).toBe(false);
    answer.chunk(chunk({ content: 'b' }));
    expect(answer.isPlain()).toBe(true);
  });

  test('for each of several choices counts only where it comes after the last output', () => {
    const { events, answer } = readChunks({ choices: 2 });
    answer.chunk({ choices: [], usage: usage(1) });
    for (const index of [0, 1]) answer.chunk(chunk({ content: 'a' }, index));
    for (const index of [0, 1]) answer.chunk(finish(index));
    for (const one of [2, 3]) answer.chunk({ choices: [], usage: usage(one) });
    answer.end();
    expect(usages(events)).toEqual([{ promptTokens: 7, completionTokens: 5 }]);
  });

  test('in every chunk gives the number of tokens of each chunk', () => {
    const { events, answer } = readChunks();
    for (const [content, count] of [
      ['a', 1],
      ['b and c', 4],
      ['d', 5],
    ] as const) {
      answer.chunk({ ...(chunk({ content }) as object), usage: usage(count) });
    }
    expect(events.map((event) => (event.type === 'text-delta' ? event.tokens : 'other'))).toEqual([
      undefined,
      3,
      undefined,
    ]);
  });

  test('of zero tokens before the output is counted from, and after output it is not', () => {
    const tokens = (counts: readonly number[]) => {
      const { events, answer } = readChunks();
      answer.chunk({ ...(chunk({}) as object), usage: usage(0) });
      for (const count of counts)
        answer.chunk({ ...(chunk({ content: 'a' }) as object), usage: usage(count) });
      return events.map((event) => (event.type === 'text-delta' ? event.tokens : 'other'));
    };
    expect(tokens([3, 4])).toEqual([3, undefined]);
    expect(tokens([0, 0, 9])).toEqual([undefined, undefined, undefined]);
  });
});

test('an answer that comes whole is emitted in events of bounded size', () => {
  const { events, answer } = readChunks();
  const token = { token: 'a', logprob: -1, bytes: [97], top_logprobs: [] };
  const whole = {
    content: 'é😀'.repeat(100_000),
    reasoning: 'hm '.repeat(50_000),
    refusal: 'no '.repeat(50_000),
  };
  answer.chunk(chunk(whole, 0, { logprobs: { content: [token, token] }, finish_reason: 'stop' }));
  answer.end();
  expect(joined(events, 'text-delta')).toBe(whole.content);
  expect(joined(events, 'reasoning-delta')).toBe(whole.reasoning);
  expect(joined(events, 'refusal-delta')).toBe(whole.refusal);
  const lengths = events.map((event) => ('json' in event ? event.json.length : 0));
  expect(Math.max(...lengths)).toBeLessThanOrEqual(6 * 64 * 1024);
  const logprobs = events.flatMap((event) =>
    event.type === 'text-delta' ? [event.logprobs?.length ?? 0] : [],
  );
  expect(logprobs[0]).toBe(2);
  expect(logprobs.slice(1).every((count) => count === 0)).toBe(true);
});

describe('what is kept until the finish', () => {
  test('is bounded for reasoning details: larger ones tear the answer', () => {
    const { events, answer } = readChunks({ choices: 2 });
    const detail = (index: number) => ({ type: 'reasoning.text', index, text: 'x'.repeat(300_000) });
    for (let at = 0; at < 4; at += 1) answer.chunk(chunk({ reasoning_details: [detail(at)] }, at % 2));
    expect(failureOf(events)).toEqual(['upstream_protocol']);
    expect(answer.ended).toBe('torn');
  });

  test('is bounded for log probabilities without text: beyond the bound they are emitted with a text', () => {
    const { events, answer } = readChunks();
    const token = { token: '', logprob: -1, bytes: null, top_logprobs: [] };
    for (let at = 0; at < 1_000; at += 1) {
      answer.chunk(chunk({ content: '' }, 0, { logprobs: { content: [token] } }));
    }
    answer.chunk(finish());
    answer.end();
    const logprobs = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []));
    expect(logprobs).toHaveLength(1_000);
    expect(events.length).toBeGreaterThan(700);
  });
});
