import { errorCodes } from '@tailrace/protocol';
import { budgetFields, plainKeyFields } from '../../packages/server/src/access/administration/read-fields.ts';
import { features } from '../../packages/server/src/domain/requirements.ts';
import { statuses } from '../../packages/server/src/metering/usage-report/read-queries.ts';
import { sumNames } from '../../packages/server/src/metering/usage-report/usage-rows.ts';
import {
  about,
  anyObject,
  count,
  flag,
  object,
  orNull,
  ref,
  type Schema,
  text,
  time,
  whole,
} from './schema.ts';

/* What the administration answers. `answers.test.ts` asks a running server and compares: every member is here, and no other. */

const { period } = budgetFields;
const amount: Schema = { type: 'number', minimum: 0 };

const limits = {
  models: { type: ['array', 'null'], items: text },
  requests_per_minute: orNull(count),
  tokens_per_minute: orNull(count),
  max_streams: orNull(count),
  budget: {
    anyOf: [whole({ tokens: count, period }), whole({ usd: amount, period }), { type: 'null' }],
  },
};

const keyMembers = {
  id: text,
  prefix: about('The beginning of the key; null for a fixed key, which is not shown.', orNull(text)),
  name: orNull(text),
  owner: text,
  fixed: about('It stands in the configuration or the data folder, and cannot be changed here.', flag),
  admin: flag,
  ...limits,
  expires_at: orNull(time),
  usage_chunk: orNull(plainKeyFields.usage_chunk),
  log_content: about(
    'Whether prompts and answers are kept. `null`: as the model or the configuration says.',
    orNull(flag),
  ),
  metadata: anyObject,
  created_at: orNull(time),
  last_used_at: orNull(time),
  revoked_at: orNull(time),
  overlap_until: about('Until then the key before works too.', orNull(time)),
};

const sums = Object.fromEntries(sumNames.map((name) => [name, count]));
const usageRow = object(
  {
    ...Object.fromEntries(
      ['key_id', 'owner', 'user', 'model', 'target', 'day', 'hour'].map((name) => [name, orNull(text)]),
    ),
    ...sums,
  },
  sumNames,
  {
    patternProperties: { '^tag:': orNull(text) },
    description: 'The values of its group, then the sums. A value is null where the requests have none.',
  },
);

const standing = {
  unit: { type: 'string', enum: ['tokens', 'usd'] },
  limit: amount,
  spent: amount,
  reserved: about('What running requests may still use.', amount),
  left: amount,
  period,
  resets_at: orNull(time),
};

const health = {
  healthy: flag,
  breaker: { type: 'string', enum: ['closed', 'open', 'half-open'] },
  probe_at: orNull(time),
  in_flight: count,
  recent_failures: count,
};

const attempt = whole({
  target: text,
  outcome: text,
  prompt_tokens: count,
  completion_tokens: count,
  estimated: flag,
  mode: orNull(text),
  code: { type: ['string', 'null'], enum: [...errorCodes, null] },
  delivered_tokens: orNull(count),
  started_ms: orNull({ type: 'number' }),
  duration_ms: orNull({ type: 'number' }),
});

export const adminAnswerSchemas: Readonly<Record<string, Schema>> = {
  Key: whole(keyMembers),
  NewKey: whole(
    { ...keyMembers, key: about('The key itself, this once; null in a repeated answer.', orNull(text)) },
    { description: 'A key with its text, which only this answer has.' },
  ),
  Owner: whole({ id: text, name: orNull(text), ...limits, metadata: anyObject, created_at: time }),
  UsageRow: usageRow,
  BudgetStanding: whole(standing),
  Budget: whole({ id: text, owner: text, key_id: orNull(text), name: orNull(text), ...standing }),
  OwnUsage: whole({
    key_id: text,
    ...sums,
    budget: orNull(ref('BudgetStanding')),
    owner: whole({ id: text, budget: orNull(ref('BudgetStanding')) }),
    data: { type: 'array', items: ref('UsageRow') },
    has_more: flag,
  }),
  UsageRecord: whole({
    id: about('The id of the completion.', text),
    request_id: text,
    key_id: text,
    owner: text,
    user: orNull(text),
    tags: { type: 'object', additionalProperties: text },
    model: text,
    target: orNull(text),
    status: { type: 'string', enum: statuses },
    prompt_tokens: count,
    completion_tokens: count,
    cached_tokens: count,
    reasoning_tokens: count,
    estimated: about('A count that no target reported was estimated.', flag),
    cost_micro_usd: count,
    attempts: count,
    attempt_log: { type: 'array', items: attempt },
    takeovers: count,
    ttft_ms: orNull({ type: 'number' }),
    duration_ms: { type: ['number', 'null'] },
    created_at: time,
    settled_at: orNull(time),
  }),
  Stream: whole({
    id: text,
    request_id: text,
    key_id: text,
    owner: text,
    model: text,
    target: orNull(text),
    stream: flag,
    completion_tokens: count,
    created_at: time,
  }),
  Upstream: whole({ id: text, upstream: text, model: text, ...health }),
  ServedModel: whole({
    id: text,
    aliases: { type: 'array', items: text },
    context_length: orNull(count),
    balance: { type: 'string', enum: ['weight', 'least_busy'] },
    fallbacks: { type: 'array', items: text },
    healthy: flag,
    targets: {
      type: 'array',
      items: whole({
        id: text,
        upstream: text,
        model: text,
        priority: { type: 'number' },
        weight: { type: 'number' },
        takeover: { type: ['string', 'null'], enum: ['prefix', 'replay', 'none', null] },
        price: about('Dollars for a million tokens, and where they stand.', {
          type: ['object', 'null'],
          properties: { source: whole({ file: orNull(text), key: text }) },
          additionalProperties: true,
        }),
        capabilities: { type: 'array', items: { type: 'string', enum: features } },
        engine: {
          anyOf: [whole({ file: orNull(text), sequences: count }), { type: 'null' }],
        },
        ...health,
      }),
    },
  }),
  Configuration: whole({
    file: orNull(text),
    cache_dir: text,
    set_by: about('What sets each setting that has not its default.', {
      type: 'object',
      additionalProperties: text,
    }),
    restart: about('The settings that only a restart changes.', { type: 'array', items: text }),
    config: about('Every key of the file, defaults filled in, secrets as `***`.', {
      type: 'object',
      additionalProperties: true,
    }),
  }),
  Reloaded: object(
    {
      reloaded: { type: 'boolean', const: true },
      changed: {
        type: 'array',
        items: whole({ path: text, change: { type: 'string', enum: ['added', 'removed', 'changed'] } }),
      },
      warnings: { type: 'array', items: text },
    },
    ['reloaded', 'changed'],
  ),
  ReloadRefused: object(
    {
      error: ref('ErrorDetail'),
      problems: {
        type: 'array',
        items: whole({
          source: orNull(text),
          line: orNull(count),
          column: orNull(count),
          path: orNull(text),
          message: text,
        }),
      },
    },
    ['error'],
  ),
  Webhook: whole({
    configured: flag,
    waiting: count,
    oldest_at: orNull(time),
    delivers: flag,
    failing: {
      anyOf: [whole({ event: text, reason: text, tries: count, next_try_at: time }), { type: 'null' }],
    },
  }),
  Series: whole({
    data: {
      type: 'array',
      items: whole({
        name: text,
        unit: text,
        labels: { type: 'object', additionalProperties: text },
        points: about('Pairs of a time (Unix seconds) and a value; steps without a value are left out.', {
          type: 'array',
          items: { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2 },
        }),
      }),
    },
    step_seconds: count,
    since: count,
  }),
  Session: whole({
    signed_in_by: { type: 'string', enum: ['session', 'key', 'nothing'] },
    admin: flag,
    key_id: text,
    owner: text,
    expires_at: orNull(time),
  }),
  Cancelled: whole({ id: text, status: { type: 'string', enum: statuses.filter((one) => one !== 'open') } }),
  Story: object(
    {
      id: text,
      ended: flag,
      attempts: {
        type: 'array',
        items: whole({
          target: text,
          outcome: text,
          mode: orNull(text),
          failure: orNull(text),
          asked_ms: orNull({ type: 'number' }),
          ended_ms: orNull({ type: 'number' }),
          delivered_tokens: orNull(count),
        }),
      },
    },
    ['id', 'ended', 'attempts'],
    { description: 'How one answer of the fault lab came about.' },
  ),
};

/** A list: `data`, and whether there is more behind it. */
export function listOf(schema: Schema): Schema {
  return whole({ data: { type: 'array', items: schema }, has_more: flag });
}
