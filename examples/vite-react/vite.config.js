import { getRequestListener } from '@hono/node-server';
import { createChatHandler } from 'tailrace/next';
import { defineConfig } from 'vite';

const chat = createChatHandler({ model: process.env.TAILRACE_MODEL });
const answer = getRequestListener((request) => chat[request.method](request));

/** The route of the chat, in the servers of `vite` and `vite preview`. In production it is a route of your own server. */
const chatRoute = {
  name: 'chat-route',
  configureServer: ({ middlewares }) => void middlewares.use('/api/chat', answer),
  configurePreviewServer: ({ middlewares }) => void middlewares.use('/api/chat', answer),
};

const place = { host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) };

export default defineConfig({ plugins: [chatRoute], server: place, preview: place });
