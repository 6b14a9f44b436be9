import { asciiJson } from '@tailrace/protocol';
import type { NamedModel } from '../access/model-rights.ts';
import type { Principal } from '../access/principal.ts';
import { causeOfBug } from '../domain/cause.ts';
import { fail, failure, ok, type Result } from '../domain/failure.ts';
import { readParameters, wrong } from '../domain/query-parameters.ts';
import { replyFailure, replyJson } from '../http/reply.ts';
import type { Route } from '../http/route.ts';
import type { StoreReads } from '../storage/contract.ts';
import type { FaultLab } from './fault-lab.ts';
import { labPrefix } from './lab-prefix.ts';
import { settings } from './settings.ts';
import { type Story, storyOfRecord } from './stories.ts';

/**
 * `GET /v1/fault-lab`: what the key may use of the lab; cheap, because each page asks it. `GET /v1/fault-lab/faults`: the faults.
 * `GET /v1/fault-lab/stories/{id}`: how one answer of the caller's own came about. `GET /v1/fault-lab/stories?name=` is a list of it,
 * empty before it exists: a page asks it while its request is on the way, and browsers report each 404 as an error.
 */
export function faultLabRoutes(lab: FaultLab, records: Pick<StoreReads, 'records'>): Route[] {
  async function storyOf(id: string, keyId: string): Promise<Result<Story>> {
    const told = lab.story(id, keyId);
    if (told !== undefined) return ok(told);
    try {
      // Another process of the service may have answered.
      const [record] = (await records.records({ id, keyId, limit: 1 })).data;
      const stored = record && storyOfRecord(record);
      return stored === undefined ? fail(failure('completion_not_found', notHere)) : ok(stored);
    } catch (error) {
      return fail(failure('storage_unavailable', unreadable, { retryAfterMs: 1_000, ...causeOfBug(error) }));
    }
  }

  return [
    {
      method: 'GET',
      path: '/v1/fault-lab',
      access: 'key',
      handle(exchange) {
        const usable = settings.filter(({ name, usualFault }) =>
          exchange.principal.models.allows(shortName(name, usualFault)),
        );
        const shown = usable.map(({ name, title, description }) => ({ name, title, description }));
        return replyJson(exchange, 200, asciiJson({ settings: shown }));
      },
    },
    {
      method: 'GET',
      path: '/v1/fault-lab/faults',
      access: 'key',
      async handle(exchange) {
        const groups = await lab.faults();
        const usable = groups.map(({ title, faults }) => ({
          title,
          faults: faults.flatMap((fault) => {
            const models = fault.models.filter(({ id }) => allows(exchange.principal, id));
            return models.length === 0 ? [] : [{ ...fault, models }];
          }),
        }));
        const data = usable.filter(({ faults }) => faults.length > 0);
        return await replyJson(exchange, 200, asciiJson({ data, has_more: false }));
      },
    },
    {
      method: 'GET',
      path: '/v1/fault-lab/stories',
      access: 'key',
      readsQuery: true,
      async handle(exchange) {
        const given = readParameters(exchange.query, ['name']);
        if (!given.ok) return await replyFailure(exchange, given.failure);
        const { name } = given.value;
        if (name === undefined) return await replyFailure(exchange, wrong('name', 'is missing'));
        const story = await storyOf(name, exchange.principal.keyId);
        if (!story.ok && story.failure.code !== 'completion_not_found')
          return await replyFailure(exchange, story.failure);
        const data = story.ok ? [{ id: name, ...story.value }] : [];
        return await replyJson(exchange, 200, asciiJson({ data, has_more: false }));
      },
    },
    {
      method: 'GET',
      path: '/v1/fault-lab/stories/{id}',
      access: 'key',
      async handle(exchange) {
        const { id } = exchange;
        const story = await storyOf(id, exchange.principal.keyId);
        if (!story.ok) return await replyFailure(exchange, story.failure);
        return await replyJson(exchange, 200, asciiJson({ id, ...story.value }));
      },
    },
  ];
}

/** The names of the model `fault-lab/SETTING`. */
function shortName(setting: string, usualFault: string): NamedModel {
  const name = `${labPrefix}${setting}`;
  return { id: `${name}/${usualFault}`, aliases: [name] };
}

function allows({ models }: Principal, id: string): boolean {
  return models.allows({ id, aliases: [] });
}

const notHere = 'There is no completion of the fault lab with this id, or it belongs to another key.';
const unreadable = 'The usage records cannot be read now. Ask again.';
