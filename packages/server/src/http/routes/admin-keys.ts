import { hash } from 'node:crypto';
import { asciiJson } from '@tailrace/protocol';
import type { Administering, KeyAdministration } from '../../access/administration/key-administration.ts';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import { readParameters } from '../../metering/usage-report/query-parameters.ts';
import { readPage } from '../../metering/usage-report/read-queries.ts';
import type { OnceFor } from '../../storage/contract.ts';
import { parseJsonBody } from '../../wire/json-body.ts';
import type { BodyBudget } from '../body-budget.ts';
import type { Exchange } from '../exchange.ts';
import { readBody } from '../read-body.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Method, Route } from '../route.ts';

/** A key with 256 models of 256 characters fits. */
const maxBodyBytes = 128 * 1024;
const maxOnceKey = 255;
const keys = '/admin/v1/keys';
const owners = '/admin/v1/owners';

/** `/admin/v1/keys` and `/admin/v1/owners`. `budget`: the account of bodies as bytes. */
export function adminKeyRoutes(administration: KeyAdministration, budget: BodyBudget): Route[] {
  const { createKey, showKey, updateKey, revokeKey, rotateKey } = administration;
  const { putOwner, showOwner, updateOwner, deleteOwner } = administration;

  const read = (path: string, answer: (exchange: Exchange) => Administering) =>
    route('GET', path, (exchange) => answer(exchange));
  const remove = (path: string, answer: (id: string, once?: OnceFor) => Administering) =>
    route('DELETE', path, async (exchange) => {
      const once = onceFor(exchange, noBytes);
      return once.ok ? answer(exchange.id, once.value) : once;
    });
  const write = (
    method: Method,
    path: string,
    answer: (id: string, body: JsonValue, once?: OnceFor) => Administering,
  ) =>
    route(method, path, async (exchange) => {
      const asked = await readWrite(exchange, budget);
      return asked.ok ? answer(exchange.id, asked.value.body, asked.value.once) : asked;
    });

  return [
    write('POST', keys, (_, body, once) => createKey(body, once)),
    read(keys, async ({ query }) => {
      const given = readParameters(query, ['owner', 'limit', 'after']);
      if (!given.ok) return given;
      const page = readPage(given.value);
      if (!page.ok) return page;
      const { owner } = given.value;
      return administration.listKeys({ ...page.value, ...(owner === undefined ? {} : { owner }) });
    }),
    read(`${keys}/{id}`, ({ id }) => showKey(id)),
    write('PATCH', `${keys}/{id}`, updateKey),
    remove(`${keys}/{id}`, revokeKey),
    write('POST', `${keys}/{id}/rotate`, rotateKey),
    read(owners, async ({ query }) => {
      const given = readParameters(query, ['limit', 'after']);
      if (!given.ok) return given;
      const page = readPage(given.value);
      return page.ok ? administration.listOwners(page.value) : page;
    }),
    write('PUT', `${owners}/{id}`, putOwner),
    read(`${owners}/{id}`, ({ id }) => showOwner(id)),
    write('PATCH', `${owners}/{id}`, updateOwner),
    remove(`${owners}/{id}`, deleteOwner),
  ];
}

const noBytes = new Uint8Array();

function route(method: Method, path: string, answer: (exchange: Exchange) => Administering): Route {
  return {
    method,
    path,
    access: 'admin',
    async handle(exchange) {
      const answered = await answer(exchange);
      if (!answered.ok) return replyFailure(exchange, answered.failure);
      const { status, json, replayed } = answered.value;
      if (replayed) exchange.headers['idempotent-replayed'] = 'true';
      // The answer to a creation has the key in it.
      exchange.headers['cache-control'] = 'no-store';
      return replyJson(exchange, status, asciiJson(json));
    },
  };
}

interface AskedWrite {
  readonly body: JsonValue;
  readonly once?: OnceFor;
}

/** The body of a write, `{}` where none came, and its `Idempotency-Key`. */
async function readWrite(exchange: Exchange, budget: BodyBudget): Promise<Result<AskedWrite>> {
  if (isBodyless(exchange)) {
    const once = onceFor(exchange, noBytes);
    return once.ok ? ok({ body: {}, ...given(once.value) }) : once;
  }
  const held = await readBody(exchange, maxBodyBytes, budget);
  if (!held.ok) return held;
  try {
    const { bytes } = held.value;
    const body = parseJsonBody(bytes);
    if (!body.ok) return body;
    const once = onceFor(exchange, bytes);
    return once.ok ? ok({ body: body.value, ...given(once.value) }) : once;
  } finally {
    held.value.share.release();
  }
}

function given(once: OnceFor | undefined): Pick<AskedWrite, 'once'> {
  return once === undefined ? {} : { once };
}

function isBodyless({ request }: Exchange): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  return coding === undefined && (length === undefined || length === '0');
}

/** The scope of an `Idempotency-Key` is the key of its sender; the same body means the same bytes. */
function onceFor({ request, principal, path }: Exchange, body: Uint8Array): Result<OnceFor | undefined> {
  const values = request.headersDistinct['idempotency-key'];
  if (values === undefined) return ok(undefined);
  const [key = ''] = values;
  if (values.length > 1 || key === '' || key.length > maxOnceKey) {
    const message = `The header 'Idempotency-Key' takes one text of 1 to ${maxOnceKey} characters.`;
    return fail(failure('invalid_value', message, { param: 'Idempotency-Key' }));
  }
  const fingerprint = hash(
    'sha256',
    Buffer.concat([Buffer.from(`${request.method} ${path}\n`), body]),
    'hex',
  );
  return ok({ key: `${principal.keyId} ${key}`, fingerprint });
}
