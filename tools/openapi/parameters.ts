import { longestValue } from '../../packages/server/src/domain/query-parameters.ts';
import { longestKey } from '../../packages/server/src/http/kept-ask.ts';
import {
  defaultPage,
  type filters,
  largestPage,
  mostGroups,
  type ownFilters,
  plainGroups,
  statuses,
  tagText,
} from '../../packages/server/src/metering/usage-report/read-queries.ts';
import { measureNames } from '../../packages/server/src/telemetry/measures.ts';
import type { Parameter } from './operation.ts';

/** A text of a query, which is not empty. */
const value = { type: 'string', minLength: 1, maxLength: longestValue } as const;

/** A time of a query: RFC 3339, a date, or a duration before now. */
const moment = {
  anyOf: [
    { type: 'string', format: 'date-time' },
    { type: 'string', format: 'date' },
    { type: 'string', pattern: '^\\d{1,6}(ms|s|m|h|d)$' },
  ],
} as const;

export const page: readonly Parameter[] = [
  {
    name: 'limit',
    in: 'query',
    schema: { type: 'integer', minimum: 1, maximum: largestPage, default: defaultPage },
    description: 'The most entries of one page.',
  },
  { name: 'after', in: 'query', schema: value, description: 'The id of the last entry of the page before.' },
];

const tag = tagText.source.slice(1, -1);
const group = `(${plainGroups.join('|')}|tag:${tag})`;

const filterParameters: Readonly<Record<(typeof filters)[number], Parameter>> = {
  key_id: { name: 'key_id', in: 'query', schema: value, description: 'Only of this key.' },
  owner: { name: 'owner', in: 'query', schema: value, description: 'Only of the keys of this owner.' },
  user: { name: 'user', in: 'query', schema: value, description: 'Only requests with this `user`.' },
  model: { name: 'model', in: 'query', schema: value, description: 'Only requests for this model.' },
  tag: {
    name: 'tag',
    in: 'query',
    schema: { type: 'string', pattern: `^${tag}=${tag}$` },
    description: 'Only requests with this tag of `tailrace-tags`, such as `team=blue`.',
  },
  since: {
    name: 'since',
    in: 'query',
    schema: moment,
    description: 'From this time on: RFC 3339, a date, or a duration before now such as `7d`.',
  },
  until: {
    name: 'until',
    in: 'query',
    schema: moment,
    description: 'Before this time, in the same forms; later than `since`.',
  },
};

export const own = (names: typeof ownFilters | typeof filters): readonly Parameter[] =>
  names.map((name) => filterParameters[name]);

export const owner = filterParameters.owner;

export const groupBy: Parameter = {
  name: 'group_by',
  in: 'query',
  schema: {
    type: 'string',
    pattern: `^ *${group} *(, *${group} *){0,${mostGroups - 1}}$`,
    maxLength: longestValue,
  },
  description: `Some of ${plainGroups.map((name) => `\`${name}\``).join(', ')} and \`tag:NAME\`, each once, with commas between them.`,
  example: 'model,day',
};

export const status: Parameter = {
  name: 'status',
  in: 'query',
  schema: { type: 'string', enum: statuses },
  description: 'Only records with this status.',
};

export const format: Parameter = {
  name: 'format',
  in: 'query',
  schema: { type: 'string', enum: ['json', 'csv'] },
  description: 'The form of the answer.',
};

export const series: readonly Parameter[] = [
  {
    name: 'names',
    in: 'query',
    schema: {
      type: 'string',
      pattern: `^(${measureNames.join('|')})(,(${measureNames.join('|')}))*$`,
      maxLength: longestValue,
    },
    description: 'Some of the measures, with commas between them. Absent: all.',
    example: 'ttft,streams_live',
  },
  {
    name: 'since',
    in: 'query',
    schema: { anyOf: [...moment.anyOf, { type: 'string', pattern: '^\\d{10}$' }] },
    description: 'From this time on, at most 24 hours ago; Unix seconds are taken too.',
  },
  {
    name: 'step',
    in: 'query',
    schema: { type: 'string', pattern: '^\\d{1,6}(ms|s|m|h|d)$' },
    description: 'The length of a step, a multiple of `10s` up to `24h`.',
    example: '5m',
  },
];

export const once: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  schema: { type: 'string', minLength: 1, maxLength: longestKey },
  description: 'The same request with the same key is carried out once, and its answer repeated.',
};

export const lastEventId: Parameter = {
  name: 'Last-Event-ID',
  in: 'header',
  schema: { type: 'string', pattern: '^(0|[1-9]\\d{0,14})?$' },
  description: 'The number of the last event that the client has. An empty one counts as none.',
};

export const completion: readonly Parameter[] = [
  {
    name: 'Tailrace-Resumable',
    in: 'header',
    schema: { type: 'string', enum: ['true', 'false'] },
    description: '`true`: the stream is kept, and can be read again after a lost connection.',
  },
  {
    ...once,
    description: 'The same request with the same key attaches to its answer, and makes no second one.',
  },
  lastEventId,
  {
    name: 'tailrace-tags',
    in: 'header',
    schema: { type: 'string' },
    description: 'Up to ten tags of the usage record.',
    example: 'team=blue,job=7',
  },
  {
    name: 'tailrace-usage-chunk',
    in: 'header',
    schema: { type: 'string', enum: ['inline', 'separate'] },
    description: 'Whether the usage stands on the last finish chunk or on one of its own.',
  },
];

export const durable: readonly Parameter[] = [
  {
    name: 'offset',
    in: 'query',
    schema: { type: 'string', pattern: '^(-1|now|\\d{12})$' },
    description: '`-1` for the beginning, `now`, or the last `Stream-Next-Offset`.',
    example: '-1',
  },
  {
    name: 'live',
    in: 'query',
    schema: { type: 'string', enum: ['long-poll', 'sse'] },
    description: 'Wait for more. Absent: what is there now.',
  },
  {
    name: 'cursor',
    in: 'query',
    schema: { type: 'string' },
    description: 'The last `Stream-Cursor`.',
  },
];

export const signed: readonly Parameter[] = [
  {
    name: 'expires',
    in: 'query',
    schema: { type: 'string' },
    description: 'Part of a signed address, which stands for a key.',
  },
  {
    name: 'signature',
    in: 'query',
    schema: { type: 'string' },
    description: 'Part of a signed address.',
  },
];
