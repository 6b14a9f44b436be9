/** A question as a reader asks it, and the passages that answer it: `page#anchor`, `page` before its first heading, `page#*` any of a page. */
export interface KnownQuestion {
  readonly ask: string;
  readonly answers: readonly string[];
}

/*
 * 45 of 50 is the aim. The first 25 were there from the beginning; the next 25 were held back while the ranking was tuned with these, and
 * had 20 right (then they were used too); the last 20 were written after that, and had 17 right before anything was changed for them, and
 * 18 with the guides that came then.
 */

/** With these the ranking was tuned. */
export const tuned: readonly KnownQuestion[] = [
  {
    ask: 'how do I stop paying when the user closes the tab?',
    answers: [
      'streaming/stopping#*',
      'http#cancelling',
      'resume#asking-for-one',
      'client#streams',
      'resume#what-is-kept-and-for-how-long',
    ],
  },
  {
    ask: 'how can I limit how much a customer spends per month?',
    answers: [
      'rate-limits#*',
      'keys#what-a-key-and-an-owner-can-have',
      'keys#how-a-budget-is-spent',
      'keys#in-short',
    ],
  },
  {
    ask: 'my stream arrives all at once behind nginx',
    answers: ['streaming/proxies#*', 'troubleshooting/all-at-once#*', 'operation#behind-a-proxy'],
  },
  {
    ask: 'what happens when the provider dies in the middle of a stream?',
    answers: [
      'streaming/errors#errors-in-the-stream',
      'upstreams#what-is-put-right',
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
      'usage',
      'streaming/answers#token-usage',
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
    answers: [
      'streaming/clients#tailrace',
      'resume',
      'resume#continuing',
      'resume#asking-for-one',
      'client#how-a-stream-heals',
    ],
  },
  { ask: 'how do I reload the configuration without restarting?', answers: ['configuration#reloading'] },
  { ask: 'which JSON schema keywords are supported?', answers: ['structured-output#keywords'] },
  {
    ask: 'how can I test my client against a broken stream?',
    answers: [
      'wall#*',
      'scripted-upstream#*',
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
    answers: [
      'rate-limits#*',
      'errors/rate_limit_exceeded#*',
      'errors',
      'python#exceptions',
      'client#errors',
      'configuration#limits',
    ],
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
      'streaming/web-apps#nextjs',
      'streaming/web-apps',
      'apps#a-chat-route',
      'apps',
      'client#routes-and-the-ai-sdk',
      'client#responses-for-your-routes',
    ],
  },
  { ask: 'is there a React hook for chat?', answers: ['streaming/web-apps#react', 'client#react'] },
  { ask: 'which environment variables are read?', answers: ['configuration#environment-and-flags'] },
  {
    ask: 'how is my vLLM server configured as an upstream?',
    answers: ['scaling#*', 'upstreams', 'configuration#upstreams', 'upstreams#seen-with-real-servers'],
  },
  { ask: 'readiness probe for kubernetes', answers: ['deployment#*', 'deploy#*', 'operation#health'] },
];

/** These were held back at first. */
export const heldBack: readonly KnownQuestion[] = [
  {
    ask: 'how do I cancel a running completion from another process?',
    answers: ['streaming/stopping#*', 'http#cancelling', 'resume#asking-for-one'],
  },
  {
    ask: 'why is my answer incomplete although the status was 200?',
    answers: [
      'streaming/errors#*',
      'streaming/answers#finish-reasons',
      'troubleshooting/no-finish#*',
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
  {
    ask: 'how do I write a systemd unit for it?',
    answers: ['deploy#*', 'deployment#*', 'operation#systemd'],
  },
  { ask: 'docker container', answers: ['deploy#*', 'deployment#*', 'operation#a-container'] },
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
    answers: [
      'streaming/errors#what-to-retry',
      'resume#the-same-request-again',
      'client#retries-and-timeouts',
      'resume',
    ],
  },
  {
    ask: 'how does tool calling work with the local model?',
    answers: ['function-calling#*', 'engine#tools'],
  },
  {
    ask: 'does it pass the thinking of reasoning models on?',
    answers: [
      'streaming/answers#reasoning',
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
  {
    ask: 'validate the model output with zod',
    answers: ['structured-outputs#*', 'client#json-that-is-typed'],
  },
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
    answers: ['rate-limits#who-has-used-it', 'usage#sums', 'usage#on-the-command-line', 'console#usage'],
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
  {
    ask: 'stall timeout for the first token',
    answers: ['streaming/errors#timeouts-of-your-own', 'configuration#timeouts'],
  },
  {
    ask: 'can I prefill the beginning of the assistant answer?',
    answers: ['engine#continuing-an-answer', 'anthropic-and-gemini#claude'],
  },
];

/** Written when the ranking was done. */
export const fresh: readonly KnownQuestion[] = [
  { ask: 'how do I make an admin key?', answers: ['keys#*', 'configuration#auth', 'console#signing-in'] },
  {
    ask: 'what is the difference between a key and an owner',
    answers: ['keys', 'keys#what-a-key-and-an-owner-can-have', 'keys#in-short'],
  },
  { ask: 'can I turn authentication off?', answers: ['configuration#auth'] },
  {
    ask: 'change the port it listens on',
    answers: ['configuration#server', 'configuration#environment-and-flags'],
  },
  {
    ask: 'how do I use Ollama behind Tailrace',
    answers: ['upstreams#*', 'migrate/ollama#*', 'configuration#upstreams'],
  },
  {
    ask: 'which model is used by default',
    answers: [
      'configuration#models',
      'configuration',
      'http#models',
      'engine',
      'configuration#engine',
      'index#*',
      'quickstart#*',
    ],
  },
  { ask: 'send usage events to our billing system', answers: ['webhook#*', 'usage'] },
  {
    ask: 'stream with python requests library',
    answers: ['streaming/clients#requests-and-httpx', 'python#*', 'streaming/clients'],
  },
  {
    ask: 'what does finish_reason length mean',
    answers: [
      'streaming/answers#finish-reasons',
      'engine#fields',
      'errors',
      'http#*',
      'anthropic-and-gemini#*',
    ],
  },
  {
    ask: 'CORS error in the browser',
    answers: [
      'configuration#server',
      'resume#in-a-browser',
      'http#*',
      'streaming/web-apps#what-goes-wrong',
      'client#how-a-stream-heals',
    ],
  },
  { ask: 'does the server log prompts?', answers: ['configuration#logging'] },
  {
    ask: 'graceful shutdown during deploys',
    answers: ['operation#stopping', 'operation#a-new-version', 'deploy#*'],
  },
  {
    ask: 'how many tokens per minute may one key use',
    answers: ['keys#*', 'rate-limits#*', 'configuration#limits'],
  },
  {
    ask: 'what is an idempotency key for',
    answers: ['resume#the-same-request-again', 'client#retries-and-timeouts', 'client#how-a-stream-heals'],
  },
  {
    ask: 'move from sqlite to postgres',
    answers: ['storage#back-up-and-moving', 'operation#several-replicas', 'storage#what-is-stored-where'],
  },
  {
    ask: 'who changed a key? audit log',
    answers: ['keys#*', 'console#*', 'configuration#logging', 'operation#*'],
  },
  {
    ask: 'image input for vision models',
    answers: ['upstreams#*', 'anthropic-and-gemini#*', 'engine#fields', 'playground'],
  },
  {
    ask: 'parallel tool calls',
    answers: [
      'engine#tools',
      'function-calling#*',
      'streaming/answers#tool-calls-in-a-stream',
      'client#tools',
      'upstreams#*',
    ],
  },
  { ask: 'weights between two targets of one model', answers: ['configuration#models'] },
  {
    ask: 'use a corporate proxy to reach providers',
    answers: ['upstreams#how-it-is-reached', 'configuration#upstreams'],
  },
];
