import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import Tailrace from 'tailrace';
import { createChatHandler } from 'tailrace/next';

// TAILRACE_API_KEY and TAILRACE_BASE_URL are read from the environment.
const client = new Tailrace();
const model = process.env.TAILRACE_MODEL ?? 'default';
const chat = createChatHandler({ client, model });

const app = new Hono();

// A chat whose answers survive a reload of the page: `useChat()` of tailrace/react speaks with it.
app.on(['GET', 'POST', 'DELETE'], '/api/chat', ({ req }) => chat[req.method](req.raw));

// A route of one's own: one question, the answer as a stream of text.
app.get('/haiku', async ({ req }) => {
  const about = req.query('about') ?? 'rivers';
  const stream = await client.chat.completions.create({
    model,
    messages: [{ role: 'user', content: `Write a haiku about ${about}.` }],
    max_tokens: 48,
    stream: true,
  });
  return stream.toTextResponse();
});

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`);
});
