import { labFiles, labModels, labUpstreams } from '../support/lab.ts';
import type { ConfigTree, TestServer } from '../support/server.ts';

/** A server for the console: upstreams of the lab, and models whose first target fails so that another one has to help. */
export const storyConfig: ConfigTree = {
  retry: { per_target: 1, total: 3, backoff: '0s' },
  breaker: { failures: 10_000 },
  upstreams: labUpstreams,
  models: {
    ...labModels,
    'story/failover': {
      targets: [labTarget('refused', 0), labTarget('plain', 1)],
      price: { input: 0.5, output: 2 },
      logging: { content: true },
    },
    'story/takeover': {
      targets: [labTarget('cut', 0), { engine: 'smollm2-135m-instruct', priority: 1 }],
      price: { input: 0.15, output: 0.6 },
    },
    'story/hedge': {
      targets: [labTarget('late', 0), labTarget('plain', 1)],
      timeouts: { hedge_after: '50ms' },
    },
  },
};
export const storyFiles = labFiles;

function labTarget(model: string, priority: number): ConfigTree {
  return { upstream: 'lab', model, priority };
}

/** Asks for a completion and reads it to its end, whatever that is. Resolves with the id of the completion, null where it was refused. */
export async function complete(
  server: Pick<TestServer, 'baseUrl' | 'apiKey'>,
  model: string,
  more: {
    readonly user?: string;
    readonly tags?: string;
    readonly key?: string;
    readonly max_tokens?: number;
  } = {},
): Promise<string | null> {
  const { tags, key = server.apiKey, ...fields } = more;
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...(tags === undefined ? {} : { 'tailrace-tags': tags }),
    },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content: 'What do rivers carry?' }],
      stream: true,
      max_tokens: 24,
      ...fields,
    }),
  });
  await response.text();
  return response.headers.get('tailrace-completion-id');
}
