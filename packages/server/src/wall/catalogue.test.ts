import { errorCodes, errorKind } from '@tailrace/protocol';
import { describe, expect, it } from 'vitest';
import { faults, findFault, spelling } from './catalogue.ts';
import type { Outcome } from './fault.ts';

const columns = ['one', 'second', 'takeover'] as const;

describe('the catalogue', () => {
  it('names each fault once', () => {
    const names = faults.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(faults)('describes $name in one line', ({ name, description }) => {
    expect(name).toMatch(/^[a-z0-9.-]+$/);
    expect(description).toMatch(/^[^\n|]+\.$/);
  });

  it.each(faults)(
    'expects outcomes of $name whose codes and statuses are in the error table',
    ({ expected }) => {
      const outcomes: Outcome[] = columns.flatMap((column) => [
        expected[column].streaming,
        expected[column].collected,
      ]);
      for (const outcome of outcomes) {
        if (outcome.kind === 'whole') continue;
        expect(errorCodes).toContain(outcome.code);
        if (outcome.kind === 'http-error') expect(outcome.status).toBe(errorKind(outcome.code).status);
      }
    },
  );

  it.each(faults)(
    'never expects an error event of $name in an answer that does not stream',
    ({ expected }) => {
      for (const column of columns) expect(expected[column].collected.kind).not.toBe('error-event');
    },
  );

  it.each(faults)('never expects a worse outcome of $name with more targets', ({ expected }) => {
    for (const mode of ['streaming', 'collected'] as const) {
      const kinds = columns.map((column) => expected[column][mode].kind === 'whole');
      expect(kinds).toEqual(kinds.toSorted());
    }
  });

  it.each(faults)('finds $name by its spelling', (fault) => {
    expect(findFault(spelling(fault))).toMatchObject({ ok: true, fault: { name: fault.name } });
  });
});

describe('the name of a fault', () => {
  it.each([
    ['cut-fin:5', { count: 5 }],
    ['cut-fin', { count: 3 }],
    ['slow-first-token:2s', { durationMs: 2000 }],
    ['400-context:vllm', { word: 'vllm' }],
    ['400-context', { word: 'openai' }],
  ])('may carry a parameter: %s', (text, argument) => {
    expect(findFault(text)).toMatchObject({ ok: true, argument });
  });

  it.each([
    ['cut-fim', 'did you mean "cut-fin"'],
    ['cut-fin:many', 'deltas before it'],
    ['cut-fin:1001', 'expected 0 to 1000'],
    ['cut-fin:', "got ''"],
    ['slow-first-token:2', '250ms'],
    ['400-context:aol', 'openai, vllm'],
    ['healthy:1', 'takes no parameter'],
    ['constructor', 'no fault'],
  ])('that is wrong is explained: %s', (text, words) => {
    const found = findFault(text);
    expect(found.ok ? '' : found.message).toContain(words);
  });
});
