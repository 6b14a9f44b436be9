import type { ErrorCode } from '@tailrace/protocol';
import { listOf } from './admin-answers.ts';
import { type Body, json, type Operation } from './operation.ts';
import * as parameters from './parameters.ts';
import { about, anyObject, count, ref, type Schema, text, time, whole } from './schema.ts';

/* The routes of the administration. Their paths, methods and access are in the route table. */

const bodyCodes: readonly ErrorCode[] = [
  ...(['invalid_json', 'invalid_type', 'body_too_large', 'unsupported_media_type'] as const),
];
const writes: readonly ErrorCode[] = [
  ...bodyCodes,
  ...(['missing_parameter', 'conflict', 'idempotency_key_reused', 'storage_unavailable'] as const),
];
const noFields: Body = { schema: ref('NoFields'), required: false, examples: {} };
const once = [parameters.once];
const lists: readonly ErrorCode[] = ['storage_unavailable'];

const one = (description: string, schema: Schema) => ({ 200: { description, content: json(schema) } });

const limits = { requests_per_minute: 60, budget: { usd: 20, period: 'month' } };

export const adminOperations: Readonly<Record<string, Operation>> = {
  'POST /admin/v1/keys': {
    id: 'createKey',
    tag: 'Keys',
    summary: 'Create a key',
    description: 'The answer has the key, this once. Creating a key creates its owner.',
    parameters: once,
    body: {
      schema: ref('KeyFields'),
      required: false,
      examples: { team: { name: 'ci', owner: 'acme', models: ['default'], ...limits } },
    },
    answers: {
      201: { description: 'The new key.', content: json(ref('NewKey')), headers: ['idempotent-replayed'] },
    },
    errors: writes,
  },
  'GET /admin/v1/keys': {
    id: 'listKeys',
    tag: 'Keys',
    summary: 'List the keys',
    description: 'Fixed keys first. No key is shown, only how it begins.',
    parameters: [parameters.owner, ...parameters.page],
    answers: one('A page of keys.', listOf(ref('Key'))),
    errors: lists,
  },
  'GET /admin/v1/keys/{id}': {
    id: 'getKey',
    tag: 'Keys',
    summary: 'Show a key',
    answers: one('The key.', ref('Key')),
    errors: ['unknown_url', ...lists],
  },
  'PATCH /admin/v1/keys/{id}': {
    id: 'updateKey',
    tag: 'Keys',
    summary: 'Change a key',
    description: 'Fields that are not named stay; null removes one.',
    parameters: once,
    body: { schema: ref('KeyFields'), required: false, examples: { limits } },
    answers: one('The changed key.', ref('Key')),
    errors: ['unknown_url', ...writes],
  },
  'DELETE /admin/v1/keys/{id}': {
    id: 'revokeKey',
    tag: 'Keys',
    summary: 'Revoke a key',
    description: 'It is refused from now on. Its records stay.',
    parameters: once,
    body: noFields,
    answers: one('The revoked key.', ref('Key')),
    errors: ['unknown_url', ...writes],
  },
  'POST /admin/v1/keys/{id}/rotate': {
    id: 'rotateKey',
    tag: 'Keys',
    summary: 'Replace a key by a new one',
    parameters: once,
    body: { schema: ref('Rotation'), required: false, examples: { overlap: { overlap: '1h' } } },
    answers: one('The key with its new text.', ref('NewKey')),
    errors: ['unknown_url', ...writes],
  },
  'POST /admin/v1/keys/rotate-signing': {
    id: 'rotateSigning',
    tag: 'Keys',
    summary: 'Replace the secret that signs addresses of streams',
    description: 'Every address and every session of a browser ends.',
    parameters: once,
    body: noFields,
    answers: one('Done.', whole({ rotated: { type: 'boolean', const: true } })),
    errors: writes,
  },
  'GET /admin/v1/owners': {
    id: 'listOwners',
    tag: 'Keys',
    summary: 'List the owners',
    parameters: parameters.page,
    answers: one('A page of owners.', listOf(ref('Owner'))),
    errors: lists,
  },
  'PUT /admin/v1/owners/{id}': {
    id: 'putOwner',
    tag: 'Keys',
    summary: 'Create an owner, or replace its limits',
    parameters: once,
    body: { schema: ref('OwnerFields'), required: false, examples: { limits } },
    answers: {
      ...one('The replaced owner.', ref('Owner')),
      201: { description: 'The new owner.', content: json(ref('Owner')), headers: ['idempotent-replayed'] },
    },
    errors: writes,
  },
  'GET /admin/v1/owners/{id}': {
    id: 'getOwner',
    tag: 'Keys',
    summary: 'Show an owner',
    answers: one('The owner.', ref('Owner')),
    errors: ['unknown_url', ...lists],
  },
  'PATCH /admin/v1/owners/{id}': {
    id: 'updateOwner',
    tag: 'Keys',
    summary: 'Change an owner',
    description: 'Fields that are not named stay; null removes one.',
    parameters: once,
    body: { schema: ref('OwnerFields'), required: false, examples: { limits } },
    answers: one('The changed owner.', ref('Owner')),
    errors: ['unknown_url', ...writes],
  },
  'DELETE /admin/v1/owners/{id}': {
    id: 'deleteOwner',
    tag: 'Keys',
    summary: 'Delete an owner that has no keys',
    parameters: once,
    body: noFields,
    answers: one('Done.', whole({ id: { type: 'string' }, deleted: { type: 'boolean', const: true } })),
    errors: ['unknown_url', ...writes],
  },
  'GET /admin/v1/requests': {
    id: 'listRequests',
    tag: 'Records',
    summary: 'List usage records, newest first',
    parameters: [
      ...parameters.own(['key_id', 'owner', 'user', 'model', 'tag', 'since', 'until']),
      parameters.status,
      ...parameters.page,
    ],
    answers: one('A page of records.', listOf(ref('UsageRecord'))),
    errors: lists,
  },
  'GET /admin/v1/requests/{id}': {
    id: 'getRequest',
    tag: 'Records',
    summary: 'Show the record of one completion',
    answers: one('The record.', ref('UsageRecord')),
    errors: ['completion_not_found', ...lists],
  },
  'GET /admin/v1/requests/{id}/content': {
    id: 'getRequestContent',
    tag: 'Records',
    summary: 'Show what was asked and answered, where that is kept',
    answers: one(
      'Prompt and answer.',
      whole({
        id: text,
        created_at: time,
        messages: { type: 'array', items: anyObject },
        messages_left_out: about('How many older ones were too much to keep.', count),
        choices: { type: 'array', items: anyObject },
      }),
    ),
    errors: ['completion_not_found', ...lists],
  },
  'GET /admin/v1/usage': {
    id: 'getUsage',
    tag: 'Records',
    summary: 'Sum up what was used',
    parameters: [
      parameters.groupBy,
      ...parameters.own(['key_id', 'owner', 'user', 'model', 'tag', 'since', 'until']),
      parameters.format,
    ],
    answers: {
      200: {
        description: 'A row for each group.',
        content: { ...json(listOf(ref('UsageRow'))), 'text/csv': { type: 'string' } },
      },
    },
    errors: lists,
  },
  'GET /admin/v1/budgets': {
    id: 'listBudgets',
    tag: 'Records',
    summary: 'List the budgets, and what is left of them',
    parameters: [parameters.owner, ...parameters.page],
    answers: one('A page of budgets.', listOf(ref('Budget'))),
    errors: lists,
  },
  'GET /admin/v1/streams': {
    id: 'listStreams',
    tag: 'Operation',
    summary: 'List the completions that run now',
    parameters: parameters.page,
    answers: one('A page of running completions, oldest first.', listOf(ref('Stream'))),
    errors: [],
  },
  'POST /admin/v1/streams/{id}/cancel': {
    id: 'cancelStream',
    tag: 'Operation',
    summary: 'Cancel a completion of any key',
    body: noFields,
    answers: one('How it ended.', ref('Cancelled')),
    errors: ['completion_not_found', 'storage_unavailable', ...bodyCodes],
  },
  'GET /admin/v1/upstreams': {
    id: 'listUpstreams',
    tag: 'Operation',
    summary: 'List the targets and their health',
    parameters: parameters.page,
    answers: one('A page of targets.', listOf(ref('Upstream'))),
    errors: [],
  },
  'GET /admin/v1/models': {
    id: 'listServedModels',
    tag: 'Operation',
    summary: 'List the models with their targets',
    parameters: parameters.page,
    answers: one('A page of models.', listOf(ref('ServedModel'))),
    errors: [],
  },
  'GET /admin/v1/config': {
    id: 'getConfiguration',
    tag: 'Operation',
    summary: 'Show the configuration in force, secrets masked',
    answers: one('The configuration.', ref('Configuration')),
    errors: [],
  },
  'POST /admin/v1/reload': {
    id: 'reload',
    tag: 'Operation',
    summary: 'Read the configuration again',
    description:
      'All or nothing: with a mistake the old one stays in force, and `problems` lists every mistake.',
    body: noFields,
    answers: one('What is different now.', ref('Reloaded')),
    errors: bodyCodes,
    errorSchema: { 400: ref('ReloadRefused') },
  },
  'GET /admin/v1/series': {
    id: 'getSeries',
    tag: 'Operation',
    summary: 'Show time series of the last 24 hours',
    parameters: parameters.series,
    answers: one('The series.', ref('Series')),
    errors: [],
  },
  'GET /admin/v1/webhook': {
    id: 'getWebhook',
    tag: 'Operation',
    summary: 'Show how the webhook does',
    answers: one('How many events wait, and why.', ref('Webhook')),
    errors: lists,
  },
  'POST /admin/v1/session': {
    id: 'signIn',
    tag: 'Sessions',
    mayBeOff: true,
    summary: 'Sign a browser in, by an admin key or a code',
    body: { schema: ref('SignIn'), required: false, examples: {} },
    answers: { 204: { description: 'Signed in; the session is a cookie.' } },
    errors: [...bodyCodes, 'rate_limit_exceeded', 'storage_unavailable'],
  },
  'GET /admin/v1/session': {
    id: 'getSession',
    tag: 'Sessions',
    mayBeOff: true,
    summary: 'Show how the sender was recognized',
    answers: one('The session.', ref('Session')),
    errors: [],
  },
  'DELETE /admin/v1/session': {
    id: 'signOut',
    tag: 'Sessions',
    mayBeOff: true,
    summary: 'Sign the browser out',
    body: noFields,
    answers: { 204: { description: 'Signed out.' } },
    errors: bodyCodes,
  },
  'POST /admin/v1/session/codes': {
    id: 'createSignInCode',
    tag: 'Sessions',
    mayBeOff: true,
    summary: 'Make a code that signs one browser in',
    body: noFields,
    answers: one(
      'The code; null where no key is asked for.',
      whole({ code: { type: ['string', 'null'] }, expires_at: { anyOf: [time, { type: 'null' }] } }),
    ),
    errors: bodyCodes,
  },
  'GET /admin/v1/session/ways': {
    id: 'listSignInWays',
    tag: 'Sessions',
    mayBeOff: true,
    summary: 'Show how a browser can sign in',
    answers: one('Whether a provider signs people in.', whole({ oidc: { type: 'boolean' } })),
    errors: ['unsupported_parameter'],
  },
  'GET /admin/v1/session/oidc': {
    id: 'beginOidc',
    tag: 'Sessions',
    mayBeOff: true,
    summary: 'Go to the OpenID Connect provider',
    answers: { 303: { description: 'To the provider.' } },
    errors: [
      'unsupported_parameter',
      'storage_unavailable',
      'upstream_refused',
      'upstream_protocol',
      'overloaded',
    ],
  },
  'GET /admin/v1/session/oidc/callback': {
    id: 'endOidc',
    tag: 'Sessions',
    mayBeOff: true,
    summary: 'Come back from the provider',
    answers: { 303: { description: 'To the page, signed in.' } },
    errors: [
      ...(['storage_unavailable', 'upstream_refused', 'upstream_protocol', 'overloaded'] as const),
      ...(['admin_required', 'expired_api_key', 'invalid_api_key'] as const),
    ],
  },
};
