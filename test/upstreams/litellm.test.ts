/** LiteLLM's proxy as any OpenAI-compatible server, with llama.cpp's own server behind it: a gateway behind a gateway. */
import { describeEngine } from './engine-suite.ts';
import { hasLiteLlm, startLiteLlm } from './start-litellm.ts';

describeEngine({
  name: 'LiteLLM',
  needs: 'TAILRACE_TEST_LITELLM names its command, TAILRACE_TEST_LLAMA_SERVER the server behind it',
  present: hasLiteLlm,
  start: startLiteLlm,
  fields: { cache_prompt: false },
  without: { 'two choices': 'one of them never finishes in its stream' },
  onlyStreams: { thoughts: 'it separates them in whole answers only' },
  refused: [{ top_k: 'many' }, 400, 'invalid_value'],
  tooLong: 'refused',
  calls: 'one',
});
