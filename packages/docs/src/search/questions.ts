/** A question as a reader asks it, and where it is answered: `page#anchor`, or a page as a whole. */
export interface KnownQuestion {
  readonly ask: string;
  readonly answers: readonly string[];
}

/** With these the ranking was tuned. */
export const tuned: readonly KnownQuestion[] = [
  {
    ask: 'how do I stop paying when the user closes the tab?',
    answers: [
      'http#cancelling',
      'resume#asking-for-one',
      'client#streams',
      'resume#what-is-kept-and-for-how-long',
    ],
  },
  {
    ask: 'how can I limit how much a customer spends per month?',
    answers: ['keys#what-a-key-and-an-owner-can-have', 'keys#how-a-budget-is-spent', 'keys#in-short'],
  },
  { ask: 'my stream arrives all at once behind nginx', answers: ['operation#behind-a-proxy'] },
  {
    ask: 'what happens when the provider dies in the middle of a stream?',
    answers: [
      'upstreams',
      'configuration#stream',
      'errors',
      'configuration#models',
      'http#the-rest-of-an-answer',
    ],
  },
  {
    ask: 'where are my prompts stored, and for how long?',
    answers: [
      'configuration#logging',
      'storage#what-is-stored-where',
      'resume#what-is-kept-and-for-how-long',
      'storage#retention',
    ],
  },
  {
    ask: 'can I use Claude through the openai SDK?',
    answers: ['anthropic-and-gemini', 'anthropic-and-gemini#claude'],
  },
  {
    ask: 'how do I rotate an API key without downtime?',
    answers: ['keys#over-http', 'keys#in-short', 'keys#when-a-change-takes-effect'],
  },
  {
    ask: 'how do I get the number of tokens that a request used?',
    answers: [
      'http#a-streamed-answer',
      'usage#records',
      'http#the-rest-of-an-answer',
      'client#streams',
      'usage#of-ones-own-key',
      'python#streams',
    ],
  },
  {
    ask: 'my phone lost its connection, can the stream continue?',
    answers: ['resume', 'resume#continuing', 'resume#asking-for-one', 'client#how-a-stream-heals'],
  },
  { ask: 'how do I reload the configuration without restarting?', answers: ['configuration#reloading'] },
  { ask: 'which JSON schema keywords are supported?', answers: ['structured-output#keywords'] },
  {
    ask: 'how can I test my client against a broken stream?',
    answers: [
      'wall',
      'wall#asking-for-a-fault',
      'scripted-upstream',
      'wall#the-fault-lab',
      'scripted-upstream#in-short',
      'playground#fault-lab',
    ],
  },
  { ask: 'how do I back up the database?', answers: ['storage#back-up-and-moving'] },
  {
    ask: 'what does 429 rate_limit_exceeded mean?',
    answers: ['errors', 'python#exceptions', 'client#errors', 'configuration#limits'],
  },
  {
    ask: 'can I run several copies of the server behind a load balancer?',
    answers: ['operation#several-replicas', 'operation#several-workers'],
  },
  {
    ask: 'how do I sign in with Google or another SSO?',
    answers: ['console#with-an-openid-connect-provider', 'console#signing-in'],
  },
  { ask: 'how do I verify the signature of a webhook?', answers: ['webhook#verifying-a-request'] },
  { ask: 'does the same seed give the same text?', answers: ['engine#the-same-seed-the-same-text'] },
  {
    ask: 'how do I put tags on requests and see the cost per feature?',
    answers: ['usage#tags', 'usage#sums'],
  },
  {
    ask: 'what is the maximum size of a request body?',
    answers: ['configuration#bounds-of-a-request-body', 'configuration#server'],
  },
  {
    ask: 'how to use it from a Next.js route',
    answers: [
      'apps#a-chat-route',
      'apps',
      'client#routes-and-the-ai-sdk',
      'client#responses-for-your-routes',
    ],
  },
  { ask: 'is there a React hook for chat?', answers: ['client#react'] },
  { ask: 'which environment variables are read?', answers: ['configuration#environment-and-flags'] },
  {
    ask: 'how is my vLLM server configured as an upstream?',
    answers: ['upstreams', 'configuration#upstreams', 'upstreams#seen-with-real-servers'],
  },
  { ask: 'readiness probe for kubernetes', answers: ['operation#health'] },
];

/** These were held back: they were asked once, when the ranking was done. */
export const heldBack: readonly KnownQuestion[] = [
  {
    ask: 'how do I cancel a running completion from another process?',
    answers: ['http#cancelling', 'resume#asking-for-one'],
  },
  {
    ask: 'why is my answer incomplete although the status was 200?',
    answers: [
      'errors',
      'client#errors',
      'python#exceptions',
      'python#what-is-different',
      'http#a-streamed-answer',
      'http#the-rest-of-an-answer',
      'python#streams',
    ],
  },
  {
    ask: 'how can I see which streams are running right now?',
    answers: ['operation#what-runs-now', 'console#live-streams'],
  },
  { ask: 'what do I do when Redis is down?', answers: ['storage#when-redis-is-away', 'operation#redis'] },
  {
    ask: 'disk is full, do I lose usage records?',
    answers: ['storage#when-the-disk-is-full-or-the-database-away'],
  },
  { ask: 'how do I write a systemd unit for it?', answers: ['operation#systemd'] },
  { ask: 'docker container', answers: ['operation#a-container'] },
  { ask: 'use the price list of LiteLLM', answers: ['prices#prices-from-a-catalogue'] },
  {
    ask: 'what are cached tokens charged?',
    answers: ['prices#what-is-charged', 'prices#the-price-of-a-model'],
  },
  {
    ask: 'how do I upgrade to a newer version?',
    answers: ['operation#a-new-version', 'storage#a-new-version-of-tailrace'],
  },
  {
    ask: 'retry a request safely without being charged twice',
    answers: ['resume#the-same-request-again', 'client#retries-and-timeouts', 'resume'],
  },
  { ask: 'how does tool calling work with the local model?', answers: ['engine#tools'] },
  {
    ask: 'does it pass the thinking of reasoning models on?',
    answers: [
      'engine#thoughts',
      'anthropic-and-gemini#claude',
      'upstreams#output-that-our-stream-does-not-name',
      'anthropic-and-gemini#gemini',
      'upstreams#what-each-preset-honours',
      'anthropic-and-gemini',
    ],
  },
  {
    ask: 'share a link to a stream with a browser without giving away the key',
    answers: ['keys#signed-addresses-of-streams', 'resume#in-a-browser'],
  },
  { ask: 'validate the model output with zod', answers: ['client#json-that-is-typed'] },
  {
    ask: 'how much memory does one stream take?',
    answers: ['performance#what-a-stream-weighs', 'performance'],
  },
  {
    ask: 'check whether my own gateway streams correctly',
    answers: ['check', 'check#verdicts', 'check#what-it-costs'],
  },
  { ask: 'two provider keys, one gets rate limited', answers: ['upstreams#several-keys'] },
  { ask: 'which headers can I read on a response?', answers: ['http#headers-of-an-answer'] },
  {
    ask: 'export the usage of last month as csv',
    answers: ['usage#sums', 'usage#on-the-command-line', 'console#usage'],
  },
  { ask: 'compare two models side by side', answers: ['playground', 'playground#several-chats'] },
  {
    ask: 'how long do requests wait in the queue of the engine?',
    answers: ['engine#queues-and-turns', 'configuration#engine'],
  },
  {
    ask: 'set default temperature for a model',
    answers: ['configuration#engine', 'configuration#models', 'engine#fields'],
  },
  { ask: 'stall timeout for the first token', answers: ['configuration#timeouts'] },
  {
    ask: 'can I prefill the beginning of the assistant answer?',
    answers: ['engine#continuing-an-answer', 'anthropic-and-gemini#claude'],
  },
];
