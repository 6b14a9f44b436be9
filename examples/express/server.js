import { getRequestListener } from '@hono/node-server';
import express from 'express';
import { createChatHandler } from 'tailrace/next';

// The key and the address of the server are TAILRACE_API_KEY and TAILRACE_BASE_URL. Neither reaches the page.
const chat = createChatHandler({ model: process.env.TAILRACE_MODEL, format: 'text' });

const app = express();
// The adapter reads the body itself: no express.json() before it.
app.post('/api/chat', getRequestListener(chat.POST));
app.use(express.static(new URL('public', import.meta.url).pathname));

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
