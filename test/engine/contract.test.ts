import { join } from 'node:path';
import type { ChatRequest } from '../../packages/server/src/domain/chat-request.ts';
import {
  describeUpstream,
  type UpstreamScenario,
} from '../../packages/server/src/upstreams/contract.suite.ts';
import { writeRandomGguf } from '../support/random-gguf.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { ask, requestOf, startTestEngine } from './ask.ts';

const unplayable: Partial<Record<UpstreamScenario, string>> = {
  silent: 'a living engine is not silent; played over a scripted child',
  stalls: 'a living engine does not stall; played over a scripted child',
  'other output': 'a local model writes none',
  reasoning: 'random weights never close a thought; played over a scripted child',
  'fails midway': 'takes a killed process: engine.test.ts',
};

describeUpstream('the engine over a random model', async () => {
  const scratch = createScratch('contract');
  const file = join(scratch.path, 'random.gguf');
  writeRandomGguf(file, { seed: 21, contextLength: 1024 });
  const { engine } = await startTestEngine({ file, sequences: 2, context: 'max' });
  // With random weights the length is random: the first seed whose answer is long enough.
  const longSeed = await seedWhere((tokens) => tokens > 300);
  return {
    upstream: engine,
    call(scenario) {
      const cannot = unplayable[scenario];
      if (cannot !== undefined) return { cannot };
      const content = scenario === 'fails at once' ? 'q'.repeat(2000) : scenario;
      const request = requestOf(content, fieldsOf(scenario));
      return { request, model: 'm', keyId: 'key', completionId: 'chatcmpl-1' };
    },
    async released() {
      await until('every sequence is free', 20_000, () => {
        const { running, waiting } = engine.load();
        return running + waiting === 0 ? true : undefined;
      });
    },
    async close() {
      await engine.stop();
      scratch.remove();
    },
  };

  function fieldsOf(scenario: UpstreamScenario): Partial<ChatRequest> {
    switch (scenario) {
      case 'long':
        return { seed: longSeed };
      case 'two choices':
        return { seed: 1, maxTokens: 30, n: 2 };
      case 'tool calls':
        return {
          seed: 1,
          tools: [{ name: 'now', strict: false, parameters: {} }],
          toolChoice: { type: 'required' },
        };
      default:
        return { seed: 1, maxTokens: 30 };
    }
  }

  async function seedWhere(longEnough: (tokens: number) => boolean): Promise<number> {
    for (let seed = 1; ; seed++) {
      const { usage } = await ask(engine, 'long', { seed });
      if (longEnough(usage.completionTokens)) return seed;
    }
  }
});
