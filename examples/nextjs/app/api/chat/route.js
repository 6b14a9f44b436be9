import { createChatHandler } from 'tailrace/next';

// The key and the address of the server are TAILRACE_API_KEY and TAILRACE_BASE_URL. Neither reaches the page.
export const { GET, POST, DELETE } = createChatHandler({
  model: process.env.TAILRACE_MODEL,
  system: 'Answer in one or two sentences.',
});
