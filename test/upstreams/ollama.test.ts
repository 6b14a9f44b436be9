/** A real Ollama as its preset. The model is made there from the GGUF of the tests, on one thread. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Child, startChild } from '../support/child.ts';
import { endFamily } from '../support/family.ts';
import { freePort } from '../support/free-port.ts';
import { childrenOf } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { codeOf, readKilling } from './engine-answers.ts';
import { cases, story, user } from './engine-cases.ts';
import { describeEngine, type RealEngine } from './engine-suite.ts';

const binary = process.env['TAILRACE_TEST_OLLAMA'] ?? '';
const model = process.env['TAILRACE_TEST_MODEL'] ?? '';

/** A template with tools, because Ollama derives that ability from it; and another with thoughts as well. */
const template = (thought: string) => `{{- if .Tools }}<|im_start|>system
You can call these functions:
<tools>{{ range .Tools }}
{{ . }}{{ end }}
</tools>
To call one, write:
<tool_call>
{"name": "the name", "arguments": {"the": "arguments"}}
</tool_call><|im_end|>
{{ end }}
{{- range .Messages }}
{{- if eq .Role "tool" }}<|im_start|>user
<tool_response>
{{ .Content }}
</tool_response><|im_end|>
{{ else if eq .Role "assistant" }}<|im_start|>assistant
${thought}{{ if .Content }}{{ .Content }}{{ else if .ToolCalls }}<tool_call>
{{ range .ToolCalls }}{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
{{ end }}</tool_call>{{ end }}<|im_end|>
{{ else }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}
{{- end }}<|im_start|>assistant
`;

const thought = `{{ if .Thinking }}<think>
{{ .Thinking }}
</think>
{{ end }}`;

const servers: Child[] = [];

async function start(): Promise<RealEngine> {
  const scratch = createScratch('ollama');
  const address = `127.0.0.1:${await freePort()}`;
  const env = {
    PATH: process.env['PATH'],
    HOME: scratch.path,
    OLLAMA_HOST: address,
    OLLAMA_MODELS: `${scratch.path}/models`,
    OLLAMA_NUM_PARALLEL: '1',
  };
  const child = startChild(binary, ['serve'], { env });
  servers.push(child);
  await until('ollama to serve', 60_000, async () => {
    if (child.exit() !== undefined) throw new Error(child.stderr());
    const version = await fetch(`http://${address}/api/version`).catch(() => undefined);
    return version?.ok === true ? true : undefined;
  });
  for (const [name, thoughts] of [
    ['smollm2', ''],
    ['smollm2-thinks', thought],
  ] as const) {
    const lines = [
      `FROM ${model}`,
      `TEMPLATE """${template(thoughts)}"""`,
      'PARAMETER stop <|im_end|>',
      'PARAMETER num_thread 1',
      'PARAMETER num_ctx 1024',
    ];
    const file = scratch.write(`${name}.modelfile`, lines.join('\n'));
    const made = await startChild(binary, ['create', name, '-f', file], { env }).exited;
    if (made.code !== 0) throw new Error(child.stderr());
  }
  return {
    baseUrl: `http://${address}/v1`,
    apiKey: 'none',
    model: 'smollm2',
    thinker: 'smollm2-thinks',
    kill: () => endFamily(child, 'SIGKILL'),
    async stop() {
      await endFamily(child, 'SIGTERM');
      scratch.remove();
    },
  };
}

describeEngine(
  {
    name: 'Ollama',
    preset: 'ollama',
    needs: 'TAILRACE_TEST_OLLAMA names its binary, TAILRACE_TEST_MODEL a GGUF',
    present: existsSync(binary) && existsSync(model),
    start,
    without: { 'a call by name': 'it makes what it likes', 'two choices': 'it makes one' },
    unknownModel: [502, 'upstream_refused'],
    tooLong: 'truncated',
    thinks: true,
    calls: 'one',
  },
  (running) => {
    test('an invalid answer to a schema, from a model that can think and does not, never counts as valid', async () => {
      for (const stream of [true, false]) {
        const fields = { ...cases['a schema'], model: 'thinking', stream };
        const response = await running().through(fields);
        if (!stream) {
          expect([response.status, await codeOf(response)]).toEqual([502, 'upstream_protocol']);
        } else {
          const { complete, error } = expectTrueStream(Buffer.from(await response.arrayBuffer()));
          expect({ complete, code: error?.code }).toEqual({ complete: false, code: 'upstream_protocol' });
        }
      }
    });

    test('where its runner is killed it ends the stream in order, and we end it with an error', async () => {
      const response = await running().through({ ...story, stream: true });
      const body = await readKilling(response, async () => {
        for (const pid of servers.flatMap((server) => childrenOf(server.pid))) process.kill(pid, 'SIGKILL');
      });
      const { complete, error } = expectTrueStream(body);
      expect({ complete, code: error?.code }).toEqual({ complete: false, code: 'upstream_cut' });
    });

    test('reasoning_effort is only advice, also to a model that does not think', async () => {
      const fields = { messages: user('Hello.'), max_tokens: 4, reasoning_effort: 'high' };
      expect((await running().through(fields)).status).toBe(200);
    });
  },
);
