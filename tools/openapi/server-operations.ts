import { json, type Operation } from './operation.ts';
import { anyObject, whole } from './schema.ts';

/* The routes without a key: health, metrics, the docs and the page. Their paths, methods and access are in the route table. */

export const serverOperations: Readonly<Record<string, Operation>> = {
  'GET /livez': {
    id: 'getLiveness',
    tag: 'Server',
    summary: 'Whether the process answers',
    answers: { 200: { description: 'It does.', content: json(status('alive')) } },
    errors: [],
  },
  'GET /readyz': {
    id: 'getReadiness',
    tag: 'Server',
    summary: 'Whether the server can answer requests',
    answers: { 200: { description: 'It can.', content: json(status('ready')) } },
    errors: ['draining', 'overloaded', 'storage_unavailable'],
  },
  'GET /metrics': {
    id: 'getMetrics',
    tag: 'Server',
    summary: 'The figures of the server for Prometheus',
    description:
      'It asks for the admin key unless `telemetry.metrics` makes it public, as it is on loopback.',
    answers: {
      200: {
        description: 'The text format of Prometheus, or OpenMetrics where `Accept` asks for it.',
        content: { 'text/plain': { type: 'string' }, 'application/openmetrics-text': { type: 'string' } },
      },
    },
    errors: [
      'missing_api_key',
      'invalid_api_key',
      'expired_api_key',
      'admin_required',
      'overloaded',
      'storage_unavailable',
    ],
  },
  'GET /docs': docsPage('getDocs', 'The docs: their first page'),
  'GET /docs/{id}': docsPage('getDocsPage', 'A page of the docs'),
  'GET /llms.txt': {
    id: 'getLlmsTxt',
    tag: 'Server',
    summary: 'The pages of the docs, listed for language models',
    answers: {
      200: { description: 'The list.', content: { 'text/plain': { type: 'string' } }, headers: ['etag'] },
      304: { description: 'The client has it.' },
    },
    errors: ['unknown_url'],
  },
  'GET /llms-full.txt': {
    id: 'getLlmsFullTxt',
    tag: 'Server',
    summary: 'All pages of the docs as one text',
    answers: {
      200: { description: 'The text.', content: { 'text/plain': { type: 'string' } }, headers: ['etag'] },
      304: { description: 'The client has it.' },
    },
    errors: ['unknown_url'],
  },
  'GET /openapi.json': {
    id: 'getOpenApi',
    tag: 'Server',
    summary: 'This document',
    answers: {
      200: { description: 'The document.', content: json(anyObject), headers: ['etag'] },
      304: { description: 'The client has it.' },
    },
    errors: [],
  },
  'GET /': {
    id: 'getPage',
    tag: 'Server',
    mayBeOff: true,
    summary: 'The page: playground and console',
    answers: {
      200: { description: 'The page.', content: { 'text/html': { type: 'string' } }, headers: ['etag'] },
      304: { description: 'The client has it.' },
    },
    errors: ['unknown_url'],
  },
  'GET /assets/{id}': {
    id: 'getAsset',
    tag: 'Server',
    mayBeOff: true,
    summary: 'A file of the page',
    answers: {
      200: {
        description: 'The file.',
        content: Object.fromEntries(
          ['text/javascript', 'text/css', 'image/svg+xml', 'font/woff2'].map((type) => [
            type,
            { type: 'string' },
          ]),
        ),
        headers: ['etag'],
      },
      304: { description: 'The client has it.' },
    },
    errors: ['unknown_url'],
  },
};

function docsPage(id: string, summary: string): Operation {
  const type = { type: 'string' } as const;
  return {
    id,
    tag: 'Server',
    summary,
    description:
      'HTML, or Markdown at the same address with `.md` or by `Accept`. With `ask` it answers with the passages that fit.',
    parameters: [
      {
        name: 'ask',
        in: 'query',
        schema: { type: 'string', maxLength: 400 },
        description: 'A question. The answer quotes the docs.',
      },
      {
        name: 'goal',
        in: 'query',
        schema: { type: 'string', maxLength: 400 },
        description: 'What the answer is for.',
      },
      {
        name: 'format',
        in: 'query',
        schema: { type: 'string', enum: ['json', 'markdown', 'html'] },
        description: 'The form of the answer to a question.',
      },
    ],
    answers: {
      200: {
        description: 'The page, or the answer.',
        content: {
          'text/html': type,
          'text/markdown': type,
          'application/json': anyObject,
          'text/javascript': type,
          'text/css': type,
          'font/woff2': type,
          'image/png': type,
          'image/svg+xml': type,
        },
        headers: ['etag'],
      },
      304: { description: 'The client has it.' },
    },
    errors: ['unknown_url', 'overloaded'],
  };
}

function status(word: string) {
  return whole({ status: { type: 'string', const: word } });
}
