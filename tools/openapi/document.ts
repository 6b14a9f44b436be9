import { readFileSync } from 'node:fs';
import { type ErrorCode, errorCodes, errorKind } from '@tailrace/protocol';
import type { Access } from '../../packages/server/src/access/authenticator.ts';
import type { Route } from '../../packages/server/src/http/route.ts';
import { adminAnswerSchemas } from './admin-answers.ts';
import { adminBodySchemas } from './admin-bodies.ts';
import { adminOperations } from './admin-operations.ts';
import { chatAnswerSchemas } from './chat-answers.ts';
import { chatRequestSchemas } from './chat-request.ts';
import { clientOperations } from './client-operations.ts';
import { type Answer, answerHeaders, type Operation, tags } from './operation.ts';
import { ref, type Schema } from './schema.ts';
import { serverOperations } from './server-operations.ts';

/** By method and path, as the route table has them. */
export const operations: Readonly<Record<string, Operation>> = {
  ...clientOperations,
  ...serverOperations,
  ...adminOperations,
};

export type DescribedRoute = Pick<Route, 'method' | 'path' | 'access'>;

/** A body of a refusal for each code, as a server has answered it. */
export type ErrorExamples = Readonly<Record<ErrorCode, { readonly asked: string; readonly body: object }>>;

const schemas: Readonly<Record<string, Schema>> = {
  ...chatRequestSchemas,
  ...chatAnswerSchemas,
  ...adminBodySchemas,
  ...adminAnswerSchemas,
};

/** Any request may be refused with these, and those of its access. */
const always: readonly ErrorCode[] = ['invalid_value', 'internal_error'];
const byKey: readonly ErrorCode[] = [
  ...(['missing_api_key', 'invalid_api_key', 'expired_api_key', 'admin_required'] as const),
  ...(['overloaded', 'storage_unavailable'] as const),
];
const byAccess: Readonly<Record<Access, readonly ErrorCode[]>> = {
  public: [],
  key: byKey,
  stream: [...byKey, 'completion_not_found'],
  admin: [...byKey, 'unsupported_parameter'],
  'sign-in': [...byKey, 'unsupported_parameter'],
};

const security: Readonly<Record<Access, readonly object[]>> = {
  public: [],
  key: [{ apiKey: [] }, { apiKeyHeader: [] }, { session: [] }],
  stream: [{ apiKey: [] }, { apiKeyHeader: [] }, { session: [] }, { signedAddress: [] }],
  admin: [{ adminKey: [] }, { session: [] }],
  'sign-in': [{ adminKey: [] }, {}],
};

const securitySchemes = {
  apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: `Authorization: Bearer KEY`.' },
  apiKeyHeader: {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description: 'The same; `api-key` is read too.',
  },
  adminKey: { type: 'http', scheme: 'bearer', description: 'An admin key: `Authorization: Bearer KEY`.' },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'tailrace_session',
    description:
      'The session of a browser that has signed in to the console; from pages of this server only.',
  },
  signedAddress: {
    type: 'apiKey',
    in: 'query',
    name: 'signature',
    description: 'With `expires`: the address in `tailrace-stream-url`, for one stream only.',
  },
};

const refusalHeaders = {
  'retry-after': 'Whole seconds to wait, at most 60.',
  'retry-after-ms': 'The same in milliseconds.',
  'x-should-retry': '`false` where the same request fails again.',
};

const { version } = JSON.parse(
  readFileSync(new URL('../../packages/server/package.json', import.meta.url), 'utf8'),
) as { readonly version: string };

/** `openapi.json`: the routes with what is said of each, the schemas of their bodies, and an example of each refusal. */
export function openApiDocument(routes: readonly DescribedRoute[], examples: ErrorExamples): object {
  const responses: Record<string, object> = {};
  const paths: Record<string, Record<string, object>> = {};
  for (const [place, operation] of Object.entries(operations)) {
    const [method = '', path = ''] = place.split(' ');
    const route = routes.find(
      (one) => one.path.replace('{+', '{') === path && one.method === routeMethod(method),
    );
    // A test names the operations that may lack their route.
    if (route === undefined) continue;
    paths[path] ??= {};
    paths[path][method.toLowerCase()] = describe(route, operation, responses);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tailrace',
      version,
      description: [
        "A streaming inference server that speaks OpenAI's chat-completions protocol: every stream is complete, or it ends in an error that says why.",
        'Every refusal has the envelope `Error`, and every answer carries `x-request-id`. Bytes that are no well-formed request are refused in the same envelope with 400, 408, 413 or 431.',
        'A `GET` route answers `HEAD` too. What depends on the configuration (the page, the fault lab, signing in by a provider) is 404 where it is switched off.',
      ].join('\n\n'),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The server that shows this document.' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas,
      responses,
      // No operation has `method_not_allowed`: it is the answer where there is none.
      examples: Object.fromEntries(
        errorCodes
          .filter((code) => code !== 'method_not_allowed')
          .map((code) => [code, { summary: examples[code].asked, value: examples[code].body }]),
      ),
      headers: Object.fromEntries(
        Object.entries({
          'x-request-id': 'The id of this request.',
          ...answerHeaders,
          ...refusalHeaders,
        }).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
      ),
      securitySchemes,
    },
  };
}

/** The server answers HEAD by the route of GET. */
function routeMethod(method: string): string {
  return method === 'HEAD' ? 'GET' : method;
}

function describe(
  { access, path }: DescribedRoute,
  operation: Operation,
  responses: Record<string, object>,
): object {
  const { id, tag, summary, description, parameters = [], body, answers, errorSchema = {} } = operation;
  const codes = new Set<ErrorCode>([...always, ...byAccess[access], ...operation.errors]);
  // An id that no path may have, such as '..', matches no route.
  if (path.includes('{') || operation.mayBeOff) codes.add('unknown_url');
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: security[access],
    ...(path.includes('{') || parameters.length > 0
      ? { parameters: [...(path.includes('{') ? [idParameter(path)] : []), ...parameters] }
      : {}),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.required,
            content: { 'application/json': { schema: body.schema, ...examplesOf(body.examples) } },
          },
        }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, success(answer)])),
      ...refusals([...codes], responses, errorSchema),
    },
  };
}

function idParameter(path: string): object {
  const description = path.includes('{+')
    ? 'An id, decoded once. It may contain `/`, plain or as `%2F`.'
    : 'An id, decoded once.';
  return { name: 'id', in: 'path', required: true, schema: { type: 'string', minLength: 1 }, description };
}

function examplesOf(examples: Readonly<Record<string, object>>): object {
  const named = Object.entries(examples).map(([name, value]) => [name, { value }]);
  return named.length === 0 ? {} : { examples: Object.fromEntries(named) };
}

function success({ description, content, headers = [] }: Answer): object {
  return {
    description,
    headers: headerRefs(['x-request-id', ...headers]),
    ...(content === undefined ? {} : { content: mediaTypes(content) }),
  };
}

function mediaTypes(content: Readonly<Record<string, Schema>>): object {
  return Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema }]));
}

/** One response for each status, shared by all routes that refuse with the same codes. */
function refusals(
  codes: readonly ErrorCode[],
  responses: Record<string, object>,
  schemaAt: Readonly<Record<number, Schema>>,
): object {
  const byStatus = Map.groupBy(
    errorCodes.filter((code) => codes.includes(code)),
    (code) => errorKind(code).status,
  );
  return Object.fromEntries(
    Array.from(byStatus, ([status, ofStatus]) => {
      const schema = schemaAt[status];
      if (schema !== undefined) return [status, refusal(status, ofStatus, schema)];
      const name = [status, ...ofStatus].join('.');
      responses[name] ??= refusal(status, ofStatus, ref('Error'));
      return [status, { $ref: `#/components/responses/${name}` }];
    }),
  );
}

function refusal(status: number, codes: readonly ErrorCode[], schema: Schema): object {
  const waits = status === 429 || status === 503 ? (['retry-after', 'retry-after-ms'] as const) : [];
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    headers: headerRefs(['x-request-id', ...waits, ...(status < 500 ? ['x-should-retry'] : [])]),
    content: {
      'application/json': {
        schema: {
          allOf: [
            schema,
            { type: 'object', properties: { error: { properties: { code: { enum: codes } } } } },
          ],
        },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

function headerRefs(names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
