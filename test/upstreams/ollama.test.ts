/** A real Ollama as its preset. The model is made there from the GGUF of the tests, on one thread. */
import { existsSync } from 'node:fs';
import { startChild } from '../support/child.ts';
import { endFamily } from '../support/family.ts';
import { freePort } from '../support/free-port.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { describeEngine, type RealEngine } from './engine-suite.ts';

const binary = process.env['TAILRACE_TEST_OLLAMA'] ?? '';
const model = process.env['TAILRACE_TEST_MODEL'] ?? '';

/** A template that knows tools and thinks, for Ollama reads both off it. */
const template = `{{- if .Tools }}<|im_start|>system
You can call these functions:
<tools>{{ range .Tools }}
{{ . }}{{ end }}
</tools>
To call one, write:
<tool_call>
{"name": "the name", "arguments": {"the": "arguments"}}
</tool_call><|im_end|>
{{ end }}
{{- range $i, $_ := .Messages }}
{{- if eq .Role "tool" }}<|im_start|>user
<tool_response>
{{ .Content }}
</tool_response><|im_end|>
{{ else if .ToolCalls }}<|im_start|>assistant
{{ .Content }}{{ range .ToolCalls }}<tool_call>
{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
</tool_call>{{ end }}<|im_end|>
{{ else }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}
{{- end }}<|im_start|>assistant
`;

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
  await until('ollama to serve', 60_000, async () => {
    if (child.exit() !== undefined) throw new Error(child.stderr());
    const version = await fetch(`http://${address}/api/version`).catch(() => undefined);
    return version?.ok === true ? true : undefined;
  });
  const file = scratch.write(
    'Modelfile',
    `FROM ${model}\nTEMPLATE """${template}"""\nPARAMETER stop <|im_end|>\nPARAMETER num_thread 1\nPARAMETER num_ctx 2048\n`,
  );
  const made = await startChild(binary, ['create', 'smollm2', '-f', file], { env }).exited;
  if (made.code !== 0) throw new Error(child.stderr());
  return {
    baseUrl: `http://${address}/v1`,
    apiKey: 'none',
    model: 'smollm2',
    kill: () => endFamily(child, 'SIGKILL'),
    async stop() {
      await endFamily(child, 'SIGTERM');
      scratch.remove();
    },
  };
}

describeEngine({
  name: 'Ollama',
  preset: 'ollama',
  needs: 'TAILRACE_TEST_OLLAMA names its binary, TAILRACE_TEST_MODEL a GGUF',
  present: existsSync(binary) && existsSync(model),
  start,
  without: { 'a call by name': 'it makes what it likes', 'two choices': 'it makes one' },
  unknownModel: [502, 'upstream_refused'],
  tooLong: 'truncated',
  calls: 'one',
});
