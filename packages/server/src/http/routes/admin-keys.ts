import { asciiJson } from '@tailrace/protocol';
import type { Administering, KeyAdministration } from '../../access/administration/key-administration.ts';
import type { JsonValue } from '../../domain/json.ts';
import { readParameters } from '../../domain/query-parameters.ts';
import { readPage } from '../../metering/usage-report/read-queries.ts';
import type { OnceFor } from '../../storage/contract.ts';
import type { BodyBudget } from '../body-budget.ts';
import type { Exchange } from '../exchange.ts';
import { readNoFields, readWrite } from '../read-write.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Method, Route } from '../route.ts';

const keys = '/admin/v1/keys';
const owners = '/admin/v1/owners';

/** `/admin/v1/keys`, the signing secret with them, and `/admin/v1/owners`. `budget`: the account of bodies as bytes. */
export function adminKeyRoutes(administration: KeyAdministration, budget: BodyBudget): Route[] {
  const { createKey, showKey, updateKey, revokeKey, rotateKey } = administration;
  const { rotateSigning } = administration;
  const { putOwner, showOwner, updateOwner, deleteOwner } = administration;

  const read = (path: string, answer: (exchange: Exchange) => Administering) => route('GET', path, answer);
  /** It reads the parameters of its page. */
  const list = (path: string, answer: (exchange: Exchange) => Administering): Route => ({
    ...read(path, answer),
    readsQuery: true,
  });
  const writeWithoutFields = (
    method: Method,
    path: string,
    answer: (id: string, once?: OnceFor) => Administering,
  ) =>
    route(method, path, async (exchange) => {
      const asked = await readWrite(exchange, budget);
      if (!asked.ok) return asked;
      const { body, once } = asked.value;
      const nothing = readNoFields(body);
      return nothing.ok ? answer(exchange.id, once) : nothing;
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
    list(keys, async ({ query }) => {
      const given = readParameters(query, ['owner', 'limit', 'after']);
      if (!given.ok) return given;
      const page = readPage(given.value);
      if (!page.ok) return page;
      const { owner } = given.value;
      return administration.listKeys({ ...page.value, ...(owner === undefined ? {} : { owner }) });
    }),
    read(`${keys}/{id}`, ({ id }) => showKey(id)),
    write('PATCH', `${keys}/{id}`, updateKey),
    writeWithoutFields('DELETE', `${keys}/{id}`, revokeKey),
    write('POST', `${keys}/{id}/rotate`, rotateKey),
    writeWithoutFields('POST', `${keys}/rotate-signing`, (_, once) => rotateSigning(once)),
    list(owners, async ({ query }) => {
      const given = readParameters(query, ['limit', 'after']);
      if (!given.ok) return given;
      const page = readPage(given.value);
      return page.ok ? administration.listOwners(page.value) : page;
    }),
    write('PUT', `${owners}/{id}`, putOwner),
    read(`${owners}/{id}`, ({ id }) => showOwner(id)),
    write('PATCH', `${owners}/{id}`, updateOwner),
    writeWithoutFields('DELETE', `${owners}/{id}`, deleteOwner),
  ];
}

function route(method: Method, path: string, answer: (exchange: Exchange) => Administering): Route {
  return {
    method,
    path,
    access: 'admin',
    async handle(exchange) {
      const answered = await answer(exchange);
      if (!answered.ok) {
        // What is in conflict exists. Any other text in the path may be a key, which no log may have.
        if (answered.failure.code === 'conflict' && exchange.id !== '') exchange.notes.subject = exchange.id;
        return replyFailure(exchange, answered.failure);
      }
      const { status, json, replayed } = answered.value;
      if (typeof json['id'] === 'string') exchange.notes.subject = json['id'];
      if (replayed) exchange.headers['idempotent-replayed'] = 'true';
      // The answer to a creation has the key in it.
      exchange.headers['cache-control'] = 'no-store';
      return replyJson(exchange, status, asciiJson(json));
    },
  };
}
