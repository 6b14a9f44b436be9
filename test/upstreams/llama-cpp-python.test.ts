/** The server of llama.cpp's Python binding, as the preset `llamacpp`. */
import { existsSync } from 'node:fs';
import { startChild } from '../support/child.ts';
import { endFamily } from '../support/family.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { describeEngine, type RealEngine } from './engine-suite.ts';

const python = process.env['TAILRACE_TEST_LLAMA_CPP_PYTHON'] ?? '';
const model = process.env['TAILRACE_TEST_MODEL'] ?? '';

async function start(): Promise<RealEngine> {
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  const child = startChild(python, [
    ...['-m', 'llama_cpp.server', '--model', model, '--model_alias', 'smollm2'],
    ...['--host', '127.0.0.1', '--port', String(port)],
    ...['--n_threads', '1', '--n_threads_batch', '1', '--n_ctx', '2048'],
    ...['--chat_format', 'chatml-function-calling'],
  ]);
  await until('the Python server to serve', 60_000, async () => {
    if (child.exit() !== undefined) throw new Error(child.stderr());
    const models = await fetch(`${baseUrl}/models`).catch(() => undefined);
    return models?.ok === true ? true : undefined;
  });
  return {
    baseUrl,
    apiKey: 'none',
    model: 'smollm2',
    kill: () => endFamily(child, 'SIGKILL'),
    stop: () => endFamily(child, 'SIGTERM'),
  };
}

describeEngine({
  name: 'llama-cpp-python',
  preset: 'llamacpp',
  needs: 'TAILRACE_TEST_LLAMA_CPP_PYTHON names a Python that has it, TAILRACE_TEST_MODEL a GGUF',
  present: existsSync(python) && existsSync(model),
  start,
  without: {
    'a seed': 'the same one gives another text each time',
    'a schema': 'it knows none, and answers 500',
    'a tool call': 'it answers 500 where a history has content: null',
    'two choices': 'it makes one',
  },
  usage: 'none',
  tooLong: 'silent',
  // It answers a mistake of its caller with 500.
  refused: [{ top_k: 'many' }, 502, 'upstream_refused'],
});
