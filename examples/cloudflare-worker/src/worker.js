import { createChatHandler } from 'tailrace/next';

export default {
  /** TAILRACE_API_KEY is a secret of the worker, TAILRACE_BASE_URL a variable of it. */
  async fetch(request, env) {
    if (new URL(request.url).pathname !== '/api/chat') return new Response('Not found.', { status: 404 });
    const chat = createChatHandler({
      apiKey: env.TAILRACE_API_KEY,
      baseURL: env.TAILRACE_BASE_URL,
      model: env.TAILRACE_MODEL,
    });
    const answer = chat[request.method];
    return answer === undefined ? new Response('Not that.', { status: 405 }) : answer(request);
  },
};
