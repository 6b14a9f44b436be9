import { Tailrace } from '../client/tailrace.ts';

/** A client whose server answers from a list: a whole answer for a request without `stream`, else its events. */
export interface ScriptedClient {
  readonly client: Tailrace;
  /** The bodies of the requests. */
  readonly requests: Record<string, unknown>[];
}

export type ScriptedMessage = Record<string, unknown> & { readonly finish?: string };

const usage = {
  prompt_tokens: 3,
  completion_tokens: 2,
  total_tokens: 5,
  prompt_tokens_details: { cached_tokens: 1 },
};
const head = { id: 'chatcmpl-1', created: 1, model: 'm' };

export function scriptedClient(...messages: readonly ScriptedMessage[]): ScriptedClient {
  const requests: Record<string, unknown>[] = [];
  const client = new Tailrace({
    apiKey: 'k',
    baseURL: 'http://scripted/v1',
    maxRetries: 0,
    async fetch(_, { body, signal }) {
      const request = JSON.parse(String(body)) as Record<string, unknown>;
      const message = messages[requests.length];
      requests.push(request);
      if (message === undefined) {
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
        });
      }
      const { finish, ...rest } = message;
      const reason = finish ?? ('tool_calls' in message ? 'tool_calls' : 'stop');
      return request['stream'] === true ? streamed(rest, reason) : whole(rest, reason);
    },
  });
  return { client, requests };
}

function whole(message: object, reason: string): Response {
  const full = { role: 'assistant', content: null, refusal: null, ...message };
  return Response.json({
    ...head,
    object: 'chat.completion',
    choices: [{ index: 0, message: full, logprobs: null, finish_reason: reason }],
    usage,
  });
}

/** Texts come in pieces of three characters. */
function streamed({ content, ...rest }: Record<string, unknown>, reason: string): Response {
  const texts = typeof content === 'string' ? (content.match(/[\s\S]{1,3}/g) ?? []) : [];
  const deltas = [{ role: 'assistant', content: '' }, ...texts.map((text) => ({ content: text })), rest];
  const chunk = (delta: object, finish: string | null, more = {}): string =>
    JSON.stringify({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: finish }],
      ...more,
    });
  const events = [...deltas.map((delta) => chunk(delta, null)), chunk({}, reason, { usage }), '[DONE]'];
  return new Response(events.map((event) => `data: ${event}\n\n`).join(''), {
    headers: { 'content-type': 'text/event-stream' },
  });
}
