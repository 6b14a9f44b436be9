import * as z from 'zod';
import { presetNames } from '../upstreams/openai/presets.ts';
import { isModelId, modelIdForm } from './names.ts';
import {
  autoOrFlag,
  connectionUrl,
  contextSize,
  decimal,
  dollars,
  duration,
  durationOrOff,
  emailAddress,
  flag,
  integer,
  issuerUrl,
  listenAddress,
  maxHeaderValueLength,
  oneOf,
  postgresUrl,
  redisUrl,
  secret,
  secrets,
  shareOrOff,
  signingSecret,
  size,
  text,
  webUrl,
} from './value-schemas.ts';

/*
 * The one schema of file, environment and flags: every key, its form and its default. Checks that compare several values
 * are in `resolve-*.ts`. Editors show the descriptions.
 */

const oneDayMs = 86_400_000;
const modelId = (what: string) => text(`${what}: ${modelIdForm}`, isModelId);
const origin = text('* or an origin such as https://app.example.org', (value) => {
  if (value === '*') return true;
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) && new URL(value).origin === value;
});
const headerValue = text(
  `a header value: printable ASCII on one line, at most ${maxHeaderValueLength} characters`,
  (value) => value.length <= maxHeaderValueLength && /^[\x20-\x7e]*$/.test(value),
);

const server = z.strictObject({
  listen: listenAddress().prefault('127.0.0.1:7245').describe('Address and port to serve on.'),
  data_dir: text('a path').prefault('./data').describe('The folder of the keys and the database.'),
  public_url: webUrl().optional().describe('The URL under which clients reach the server.'),
  workers: integer(1, 256).prefault(1).describe('Processes that answer requests as one service.'),
  max_streams: integer(1, 1_000_000)
    .prefault(2000)
    .describe('Requests that run at the same time, over all keys.'),
  max_body: size(1, 1024 ** 3)
    .prefault('10MiB')
    .describe('The largest request body that is read.'),
  cors_origins: z
    .array(origin)
    .prefault(['*'])
    .describe('Browser origins that may call; "*" for all, [] for none.'),
  shed: z
    .strictObject({
      memory: shareOrOff().prefault('90%').describe('New completions are refused above this use of memory.'),
      loop_delay: durationOrOff()
        .prefault('200ms')
        .describe('New completions are refused while the event loop is later than this.'),
    })
    .prefault({}),
});

const samplingDefaults = z.strictObject({
  temperature: decimal(0, 2)
    .optional()
    .describe("Default: the file's own, else 1 (0.2 for the default model)."),
  top_p: decimal(0, 1).optional().describe("Default: the file's own, else 1 (0.9 for the default model)."),
  top_k: integer(0, 1_000_000)
    .optional()
    .describe("Only so many of the most probable tokens. Default: the file's own, else 0, all."),
  min_p: decimal(0, 1)
    .optional()
    .describe("Only tokens with at least this share of the highest probability. Default: the file's own."),
  presence_penalty: decimal(-2, 2).optional().describe('Default: 0.'),
  frequency_penalty: decimal(-2, 2).optional().describe('Default: 0.'),
});

const engineModel = z.strictObject({
  file: text('a path').optional().describe('The GGUF file; only the default model is found without one.'),
  sequences: integer(1, 256).prefault(8).describe('Requests that run at the same time.'),
  context: contextSize().optional().describe('Tokens for each sequence; max: as many as memory allows.'),
  public: flag().prefault(true).describe('Whether clients may ask for it under its own id.'),
  defaults: samplingDefaults.optional(),
});

const engine = z.strictObject({
  enabled: flag().prefault(true).describe('False: no local model is started, and none is fetched.'),
  models: z.record(z.string(), engineModel).optional().describe('Engine model ids and their files.'),
  threads: integer(1, 1024).optional().describe('Default: the cores that the process may use, less one.'),
  queue: integer(0, 100_000).prefault(64).describe('Requests that may wait for a sequence.'),
  flash_attention: flag()
    .prefault(false)
    .describe('True: tokens come faster on CPUs, but a seed no longer repeats a text for certain.'),
});

const upstream = z.strictObject({
  kind: oneOf('openai', 'anthropic', 'gemini', 'scripted')
    .prefault('openai')
    .describe('The protocol it speaks.'),
  preset: oneOf(...presetNames)
    .optional()
    .describe('Which OpenAI-compatible server or provider it is.'),
  base_url: webUrl().optional().describe('For openai with the version, …/v1.'),
  api_key: secrets()
    .optional()
    .describe('Sent to the upstream; best taken from the environment. Keys of a list take turns.'),
  headers: z.record(z.string(), headerValue).prefault({}).describe('Sent with every request to it.'),
  ca_file: text('a path').optional().describe("Certificates (PEM) to trust besides the system's."),
  proxy: connectionUrl('http', 'https').optional().describe('The proxy for connections to it.'),
  script: text('a path').optional().describe('For kind scripted: the file with its answers.'),
});

const target = z.strictObject({
  upstream: text('the name of an upstream').optional().describe('Where the model is; give this or engine.'),
  engine: text('the id of an engine model').optional().describe('The local model; give this or upstream.'),
  model: text('the name of the model there').optional().describe('Its name there; default: the id here.'),
  priority: integer(0, 1000).prefault(0).describe('Targets of the lowest number are called first.'),
  weight: decimal(0, 1_000_000)
    .prefault(1)
    .describe('Share among the targets of one priority; 0: never drawn.'),
  takeover: oneOf('prefix', 'replay', 'none').optional().describe('How it continues an answer that was cut.'),
});

const timeouts = z.strictObject({
  connect: duration().prefault('5s').describe('Until the upstream accepts the connection.'),
  first_token: duration()
    .prefault('120s')
    .describe('Until the first token; queue and prompt reading of the engine do not count.'),
  stall: duration().prefault('10s').describe('Silence after output that counts as a cut.'),
  total: duration().prefault('10m').describe('The whole request, queue included.'),
  hedge_after: duration().optional().describe('Start a second target beside a slow one; off by default.'),
  client_write: duration().prefault('30s').describe('How long a client may accept nothing.'),
  drain: duration({ minimumMs: 0 }).prefault('30s').describe('How long running streams have at shutdown.'),
});

// The same forms without the defaults: under a model only what is written there differs.
const modelTimeouts = z.strictObject({
  connect: duration().optional(),
  first_token: duration().optional(),
  stall: duration().optional(),
  total: duration().optional(),
  hedge_after: duration().optional(),
  client_write: duration().optional(),
  drain: duration({ minimumMs: 0 }).optional(),
});

const tokenPrices = {
  input: dollars().optional().describe('For a million tokens of the prompt.'),
  output: dollars().optional().describe('For a million tokens of the answer.'),
  cached: dollars().optional().describe('For a million tokens of the prompt that came from a cache.'),
  cache_write: dollars()
    .optional()
    .describe('For a million tokens of the prompt that were written to a cache.'),
};
const price = z.strictObject({
  ...tokenPrices,
  request: dollars().optional().describe('For each request.'),
  above: z
    .array(
      z.strictObject({
        tokens: integer(1, 10_000_000).describe('For prompts with more tokens than this.'),
        ...tokenPrices,
      }),
    )
    .prefault([])
    .describe('Other prices where the prompt has more tokens than this.'),
});

const model = z.strictObject({
  aliases: z.array(modelId('a model id')).prefault([]).describe('Other ids it answers to.'),
  targets: z.array(target).prefault([]).describe('The same model in one or several places.'),
  balance: oneOf('weight', 'least_busy')
    .prefault('weight')
    .describe('How targets of one priority are chosen.'),
  fallbacks: z.array(modelId('a model id')).prefault([]).describe('Other models to try, in this order.'),
  price: price.optional().describe('US dollars for a million tokens.'),
  context: integer(16, 10_000_000).optional().describe('Tokens of prompt and answer together.'),
  timeouts: modelTimeouts.prefault({}).describe('Instead of the general ones.'),
  logging: z
    .strictObject({
      content: flag()
        .optional()
        .describe('Whether prompts and answers of this model are kept; default: as `logging.content`.'),
    })
    .prefault({}),
});

const count = (maximum: number) => integer(1, maximum).optional();
const limits = z.strictObject({
  max_streams: count(1_000_000).describe('Running requests of one key; default: no limit.'),
  requests_per_minute: count(1_000_000_000).describe('Requests a minute of one key; default: no limit.'),
  tokens_per_minute: count(1_000_000_000_000).describe('Tokens a minute of one key; default: no limit.'),
  on_store_failure: oneOf('deny', 'share')
    .prefault('deny')
    .describe('While Redis cannot be reached: refuse, or divide the limits by `replicas`.'),
  replicas: integer(1, 10_000).prefault(1).describe('Replicas that share the limits; see `share`.'),
});

const retry = z.strictObject({
  per_target: integer(1, 10).prefault(3).describe('Attempts on one target.'),
  total: integer(1, 50).prefault(6).describe('Attempts of one request.'),
  backoff: duration({ minimumMs: 0, maximumMs: 60_000 })
    .prefault('500ms')
    .describe('First wait before the same target is asked again; doubles.'),
  honour_retry_after: duration({ minimumMs: 0 })
    .prefault('5s')
    .describe('The longest Retry-After that is waited for.'),
});

const stream = z.strictObject({
  keepalive: oneOf('comment', 'chunk', 'off').prefault('comment').describe('What is sent during a silence.'),
  keepalive_after: duration().prefault('10s').describe('How long a silence lasts until something is sent.'),
  hold_head: duration({ minimumMs: 0 })
    .prefault('8s')
    .describe('How long the head waits for the first token.'),
  usage_chunk: oneOf('inline', 'separate')
    .prefault('inline')
    .describe('Usage on the finish chunk, or on one of its own.'),
  grace: duration({ minimumMs: 0 })
    .prefault('30s')
    .describe('How long a resumable stream runs on without a reader.'),
  retention: duration().prefault('10m').describe('How long an ended resumable stream can be read.'),
  journal: z
    .strictObject({
      per_stream: size(64 * 1024, 1024 ** 3)
        .prefault('16MiB')
        .describe('What is kept of one resumable stream; a longer one loses its oldest events.'),
      total: size(1024 ** 2, 1024 ** 4)
        .prefault('256MiB')
        .describe('What is kept of all; the key with the most gives first, ended streams before others.'),
    })
    .prefault({}),
  max_event: size(1024, 64 * 1024 ** 2)
    .prefault('1MiB')
    .describe('The largest event an upstream may send.'),
});

const breaker = z.strictObject({
  failures: integer(1, 10_000).prefault(5).describe('Failures that open it.'),
  window: duration().prefault('30s').describe('The time in which they are counted.'),
  probe_every: duration().prefault('10s').describe('How often an open one lets a request through.'),
});

const logging = z.strictObject({
  level: oneOf('debug', 'info', 'warn', 'error')
    .prefault('info')
    .describe('The least important line that is written.'),
  format: oneOf('auto', 'pretty', 'json').prefault('auto').describe('auto: pretty on a terminal, else JSON.'),
  content: flag()
    .prefault(false)
    .describe('True: prompts and answers are kept, for administrators. A key or a model may say otherwise.'),
  content_retention: duration({ maximumMs: 36_500 * oneDayMs })
    .prefault('7d')
    .describe('How long they are kept.'),
});

const traces = z.strictObject({
  endpoint: webUrl().describe('Where spans go, by OTLP over HTTP; without a path its /v1/traces.'),
  sample: decimal(0, 1)
    .prefault(1)
    .describe('The share of traces that is collected, where the client says nothing.'),
  headers: z.record(z.string(), headerValue).prefault({}).describe('Sent to it with every batch of spans.'),
  baggage: z
    .array(
      text('the name of a member of baggage', (value) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/.test(value)),
    )
    .prefault([])
    .describe("The members of a client's baggage that are sent on to upstreams."),
});

const storage = z.strictObject({
  database_url: postgresUrl().optional().describe('PostgreSQL; default: SQLite in data_dir.'),
  redis_url: redisUrl().optional().describe('Redis or Valkey, shared by replicas.'),
  retention: duration({ maximumMs: 36_500 * oneDayMs })
    .prefault('90d')
    .describe('How long usage records are kept.'),
  spool: size(1024 ** 2, 1024 ** 4)
    .prefault('256MiB')
    .describe('The most that waits on disk for a store that cannot be reached.'),
  prices_file: text('a path')
    .optional()
    .describe("Prices of models without a `price`, in the form of LiteLLM's catalogue."),
});

const usage = z.strictObject({
  webhook: z
    .strictObject({
      url: webUrl().describe('Receives an event for each usage record, and for budgets that run out.'),
      secret: signingSecret().describe('Signs the events.'),
    })
    .optional(),
});

const consoleSettings = z.strictObject({
  enabled: flag().prefault(true).describe('False: the page at / and the sign-in of browsers do not exist.'),
  fault_lab: autoOrFlag()
    .prefault('auto')
    .describe('Whether models that misbehave can be tried; auto: on loopback without a `public_url`.'),
});

const oidc = z.strictObject({
  issuer: issuerUrl().describe('The OpenID Connect provider by which people sign in to the console.'),
  client_id: text('printable characters without spaces, at most 256 of them', (value) =>
    /^[\x21-\x7e]{1,256}$/.test(value),
  ).describe('The id of this server at the provider.'),
  client_secret: secret().describe('Its secret there; best taken from the environment.'),
  admins: z.array(emailAddress()).describe('The e-mail addresses of those who may sign in.'),
});

const auth = z.strictObject({
  api_keys: z.array(secret()).prefault([]).describe('Fixed keys beside the stored ones.'),
  admin_keys: z.array(secret()).prefault([]).describe('Fixed keys for administration.'),
  key_prefix: text('2 to 16 letters, digits, _ or -, the first a letter', (value) =>
    /^[A-Za-z][A-Za-z0-9_-]{1,15}$/.test(value),
  )
    .prefault('tr_')
    .describe('How issued keys begin.'),
  required: flag()
    .prefault(true)
    .describe(
      'False (on loopback only) turns authentication off: no key is asked for, nor by the administration.',
    ),
  oidc: oidc.optional(),
});

export const configSchema = z.strictObject({
  server: server.prefault({}),
  engine: engine.prefault({}),
  upstreams: z.record(z.string(), upstream).prefault({}).describe('Where models are, besides the engine.'),
  models: z.record(z.string(), model).prefault({}).describe('The ids that clients ask for.'),
  limits: limits.prefault({}).describe('Defaults for each key.'),
  timeouts: timeouts.prefault({}),
  retry: retry.prefault({}),
  stream: stream.prefault({}),
  breaker: breaker.prefault({}),
  logging: logging.prefault({}),
  telemetry: z
    .strictObject({
      metrics: oneOf('auto', 'public', 'admin')
        .prefault('auto')
        .describe('Who may read /metrics; auto: public on loopback.'),
      traces: traces.optional(),
    })
    .prefault({}),
  storage: storage.prefault({}),
  usage: usage.prefault({}),
  console: consoleSettings.prefault({}),
  auth: auth.prefault({}),
});

/** The configuration as it was written, forms checked and defaults filled in. */
export type RawConfig = z.output<typeof configSchema>;
export type RawModel = RawConfig['models'][string];
export type RawUpstream = RawConfig['upstreams'][string];
