import type { RequestBody } from '../../chat/request-body.ts';
import type { CodeLanguage } from '../../code-text/code-language.ts';
import { aiSdk } from './ai-sdk.ts';
import { curl } from './curl.ts';
import { plainFetch } from './plain-fetch.ts';
import { python, pythonOurs } from './python.ts';
import { typescript, typescriptOurs } from './typescript.ts';

/** One way to send a request. */
export interface CodeSample {
  readonly name: string;
  readonly language: CodeLanguage;
  /** What has to be there first. */
  readonly install?: string;
  write(body: RequestBody, origin: string): string;
}

/** The key is never part of a program: each reads `TAILRACE_API_KEY` from the environment. */
export const codeSamples = [
  { name: 'curl', language: 'shellscript', write: curl },
  { name: 'Python (OpenAI)', language: 'python', install: 'pip install openai', write: python },
  { name: 'Python (Tailrace)', language: 'python', install: 'pip install tailrace', write: pythonOurs },
  { name: 'TypeScript (OpenAI)', language: 'typescript', install: 'npm install openai', write: typescript },
  {
    name: 'TypeScript (Tailrace)',
    language: 'typescript',
    install: 'npm install tailrace',
    write: typescriptOurs,
  },
  {
    name: 'AI SDK',
    language: 'typescript',
    install: 'npm install ai @ai-sdk/openai-compatible',
    write: aiSdk,
  },
  { name: 'fetch', language: 'typescript', write: plainFetch },
] as const satisfies readonly CodeSample[];

export type SampleName = (typeof codeSamples)[number]['name'];

export function sampleNamed(name: SampleName): CodeSample {
  return codeSamples.find((sample) => sample.name === name) ?? codeSamples[0];
}
