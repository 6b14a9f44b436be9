import { getLlama, type Llama, LlamaLogLevel } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compileJsonObject,
  compileSchema,
} from '../../packages/server/src/grammar/compile/compile-schema.ts';
import {
  compileToolCalls,
  genericToolCallSyntax,
} from '../../packages/server/src/grammar/compile/compile-tool-calls.ts';
import { readCorpus } from '../../packages/server/src/grammar/testing/corpus.ts';

describe('llama.cpp itself', () => {
  let llama: Llama;
  beforeAll(async () => {
    llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
  });
  afterAll(() => llama.dispose());

  test('accepts the grammar of every schema of the corpus', async () => {
    const refused: string[] = [];
    let accepted = 0;
    for (const { name, schema } of readCorpus()) {
      const compiled = compileSchema(schema, { path: 'schema' });
      if (!compiled.ok) continue;
      try {
        await llama.createGrammar({ grammar: compiled.value.gbnf });
        accepted += 1;
      } catch {
        refused.push(name);
      }
    }
    expect(refused).toEqual([]);
    expect(accepted).toBeGreaterThanOrEqual(120);
  });

  test('accepts the grammars of any object and of tool calls', async () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    const calls = compileToolCalls([{ name: 'weather', parameters, strict: true }], {
      choice: { type: 'required' },
      parallel: true,
      syntax: genericToolCallSyntax,
    });
    if (!calls.ok) throw new Error(calls.failure.message);
    await llama.createGrammar({ grammar: compileJsonObject().gbnf });
    await llama.createGrammar({ grammar: calls.value.gbnf });
  });

  test('refuses what is no grammar, so the tests above can fail', async () => {
    await expect(llama.createGrammar({ grammar: 'root ::= [a' })).rejects.toThrow();
    await expect(llama.createGrammar({ grammar: 'root ::= "a"{2500}' })).rejects.toThrow();
  });
});
