import { assertNever } from '../../domain/assert-never.ts';
import { causeOfBug } from '../../domain/cause.ts';
import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { shortened } from '../../domain/shortened.ts';
import { unknownAfter } from '../../domain/unknown-after.ts';
import type { Ledger } from '../../ledger/contract.ts';
import type { Change, OnceFor, Owner, Page, StoredKey, Written } from '../../storage/contract.ts';
import type { KeyFields, OwnerFields } from '../../storage/keys.ts';
import { newSigningSecret } from '../../storage/signing-secret.ts';
import { printable } from '../../telemetry/printable.ts';
import { defaultOwner } from '../authenticator.ts';
import type { FixedKey } from '../fixed-keys.ts';
import { issueKey, newKeyId } from '../issued-key.ts';
import { fixedKeyJson, keyJson, ownerJson } from './key-json.ts';
import { isOwnerId, readKeyFields, readOverlap, readOwnerFields } from './read-fields.ts';

/** What the administration answers: a status and a body. */
export interface Administered {
  readonly status: 200 | 201;
  readonly json: JsonObject;
  /** The answer of an earlier call with the same `Idempotency-Key`. */
  readonly replayed: boolean;
}

export type Administering = Promise<Result<Administered>>;

/**
 * Keys, owners and the signing secret, as `/admin/v1` has them: the bodies of its routes in, their answers out. Failures: those of the fields,
 * each with its path as `param`; `unknown_url` for a key or an owner that does not exist; `conflict`,
 * `idempotency_key_reused`, and `storage_unavailable`. Never rejects because of the store.
 */
export interface KeyAdministration {
  createKey(body: JsonValue, once?: OnceFor): Administering;
  /** Fixed keys first. */
  listKeys(page: Page & { readonly owner?: string }): Administering;
  showKey(id: string): Administering;
  updateKey(id: string, body: JsonValue, once?: OnceFor): Administering;
  /** Of a key that is revoked already: nothing changes. */
  revokeKey(id: string, once?: OnceFor): Administering;
  rotateKey(id: string, body: JsonValue, once?: OnceFor): Administering;
  putOwner(id: string, body: JsonValue, once?: OnceFor): Administering;
  listOwners(page: Page): Administering;
  showOwner(id: string): Administering;
  updateOwner(id: string, body: JsonValue, once?: OnceFor): Administering;
  deleteOwner(id: string, once?: OnceFor): Administering;
  /** Replaces the secret that signs addresses of streams. No answer has the secret. */
  rotateSigning(once?: OnceFor): Administering;
}

export interface KeyAdministrationOptions {
  readonly ledger: Pick<Ledger, 'key' | 'keys' | 'owner' | 'owners' | 'change'>;
  readonly fixed: readonly FixedKey[];
  /** Of the keys that are issued. */
  readonly keyPrefix: string;
  /** Unix milliseconds. */
  now(): number;
}

type Done = Extract<Written, { type: 'done' }>;

export function createKeyAdministration(options: KeyAdministrationOptions): KeyAdministration {
  const { ledger, fixed, keyPrefix, now } = options;
  const fixedKey = (id: string) => fixed.find((key) => key.id === id);

  async function change(
    one: Change,
    once: OnceFor | undefined,
    answer: (done: Done) => Omit<Administered, 'replayed'>,
  ): Administering {
    const written = await reach(() => ledger.change(one, once));
    if (!written.ok) return written;
    if (written.value.type === 'missing') return fail(missing(one));
    if (written.value.type === 'conflict') return fail(conflict(written.value.why));
    return ok({ ...answer(written.value), replayed: written.value.replayed });
  }

  const shown = (key: StoredKey | undefined) => (key === undefined ? {} : keyJson(key, now()));

  return {
    async createKey(body, once) {
      const atMs = now();
      const asked = readKeyFields(body, atMs);
      if (!asked.ok) return asked;
      const { fields, owner } = asked.value;
      const { key, hash, prefix } = issueKey(keyPrefix);
      const stored: StoredKey = {
        ...withoutNulls(fields),
        id: newKeyId(),
        owner: owner ?? defaultOwner,
        prefix,
        hashes: [{ hash }],
        createdAtMs: atMs,
      };
      return change({ type: 'create-key', key: stored, atMs }, once, (done) => ({
        status: 201,
        json: withKey(shown(done.key), done.replayed ? null : key),
      }));
    },

    async listKeys({ limit, after, owner }) {
      const ofOwner = owner === undefined || owner === defaultOwner ? fixed : [];
      const afterFixed = fixed.findIndex(({ id }) => id === after);
      const left = after === undefined ? ofOwner : afterFixed < 0 ? [] : ofOwner.slice(afterFixed + 1);
      const first = left.slice(0, limit);
      const room = limit - first.length;
      const from = after === undefined || afterFixed >= 0 ? {} : { after };
      const page = { ...from, ...(owner === undefined ? {} : { owner }) };
      const stored = await reach(() => ledger.keys({ ...page, limit: Math.max(1, room) }));
      if (!stored.ok) return stored;
      if (stored.value.unknownAfter === true) return fail(unknownAfter(after ?? ''));
      const { data, hasMore } = stored.value;
      const rest = data.slice(0, room).map(shown);
      const more = hasMore || data.length > room || left.length > first.length;
      return answered({ data: [...first.map(fixedKeyJson), ...rest], has_more: more });
    },

    async showKey(id) {
      const one = fixedKey(id);
      if (one !== undefined) return answered(fixedKeyJson(one));
      const key = await reach(() => ledger.key(id));
      if (!key.ok) return key;
      return key.value === undefined ? fail(noSuch('key', id)) : answered(shown(key.value));
    },

    async updateKey(id, body, once) {
      if (fixedKey(id) !== undefined) return fail(fixedConflict);
      const atMs = now();
      const asked = readKeyFields(body, atMs);
      if (!asked.ok) return asked;
      const { fields, owner } = asked.value;
      const moved = owner === undefined ? {} : { owner: owner ?? defaultOwner };
      return change({ type: 'update-key', id, fields, ...moved, atMs }, once, ({ key }) => ({
        status: 200,
        json: shown(key),
      }));
    },

    async revokeKey(id, once) {
      if (fixedKey(id) !== undefined) return fail(fixedConflict);
      return change({ type: 'revoke-key', id, atMs: now() }, once, ({ key }) => ({
        status: 200,
        json: shown(key),
      }));
    },

    async rotateKey(id, body, once) {
      if (fixedKey(id) !== undefined) return fail(fixedConflict);
      const overlapMs = readOverlap(body);
      if (!overlapMs.ok) return overlapMs;
      const atMs = now();
      const { key, hash, prefix } = issueKey(keyPrefix);
      const rotate = { id, hash, prefix, overlapUntilMs: atMs + overlapMs.value, atMs };
      return change({ type: 'rotate-key', ...rotate }, once, (done) => ({
        status: 200,
        json: withKey(shown(done.key), done.replayed ? null : key),
      }));
    },

    async putOwner(id, body, once) {
      if (!isOwnerId(id)) return fail(wrongOwnerId(id));
      const asked = readOwnerFields(body);
      if (!asked.ok) return asked;
      const atMs = now();
      const owner: Owner = { ...withoutNulls(asked.value), id, createdAtMs: atMs };
      return change({ type: 'put-owner', owner, atMs }, once, (done) => ({
        status: done.created === true ? 201 : 200,
        json: ownerJson(done.owner ?? owner),
      }));
    },

    async listOwners(page) {
      const owners = await reach(() => ledger.owners(page));
      if (!owners.ok) return owners;
      if (owners.value.unknownAfter === true) return fail(unknownAfter(page.after ?? ''));
      const { data, hasMore } = owners.value;
      return answered({ data: data.map(ownerJson), has_more: hasMore });
    },

    async showOwner(id) {
      const owner = await reach(() => ledger.owner(id));
      if (!owner.ok) return owner;
      return owner.value === undefined ? fail(noSuch('owner', id)) : answered(ownerJson(owner.value));
    },

    async updateOwner(id, body, once) {
      const asked = readOwnerFields(body);
      if (!asked.ok) return asked;
      return change({ type: 'update-owner', id, fields: asked.value, atMs: now() }, once, ({ owner }) => ({
        status: 200,
        json: owner === undefined ? {} : ownerJson(owner),
      }));
    },

    async deleteOwner(id, once) {
      if (id === defaultOwner)
        return fail(
          failure('conflict', "The owner 'default' cannot be deleted: keys that name no owner belong to it."),
        );
      return change({ type: 'delete-owner', id, atMs: now() }, once, () => ({
        status: 200,
        json: { id, deleted: true },
      }));
    },

    async rotateSigning(once) {
      const rotate = { type: 'rotate-signing', secret: newSigningSecret(), atMs: now() } as const;
      return change(rotate, once, () => ({ status: 200, json: { rotated: true } }));
    },
  };
}

function answered(json: JsonObject): Result<Administered> {
  return ok({ status: 200, json, replayed: false });
}

/** The key stands behind the id, where a reader of the answer looks first. */
function withKey({ id = null, ...rest }: JsonObject, key: string | null): JsonObject {
  return { id, key, ...rest };
}

type Given<Fields> = { readonly [Name in keyof Fields]?: NonNullable<Fields[Name]> };

function withoutNulls<Fields extends KeyFields | OwnerFields>(fields: Fields): Given<Fields> {
  const kept = Object.entries(fields).filter(([, value]) => value !== null);
  // The filter has removed each null.
  return Object.fromEntries(kept) as Given<Fields>;
}

async function reach<T>(call: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await call());
  } catch (error) {
    return fail(
      failure('storage_unavailable', 'The store of keys and owners does not answer. Try again.', {
        retryAfterMs: 1_000,
        ...causeOfBug(error),
      }),
    );
  }
}

/** What the last part of the path names does not exist. */
function noSuch(what: 'key' | 'owner', id: string): Failure {
  const shown = id.slice(0, 128).replace(/[^\x21-\x7e]/g, '?');
  return failure(
    'unknown_url',
    `There is no ${what} '${shown}' here. GET /admin/v1/${what}s lists those there are.`,
  );
}

function missing(change: Change): Failure {
  switch (change.type) {
    case 'create-key':
      return noSuch('owner', change.key.owner);
    case 'put-owner':
      return noSuch('owner', change.owner.id);
    case 'update-owner':
    case 'delete-owner':
      return noSuch('owner', change.id);
    case 'update-key':
    case 'rotate-key':
    case 'revoke-key':
      return noSuch('key', change.id);
    case 'rotate-signing':
      throw new Error('a store has no signing secret to replace');
    default:
      return assertNever(change);
  }
}

const fixedConflict = failure(
  'conflict',
  'This is a fixed key, of the configuration, the environment or the first start. Change it where it comes from.',
);

function wrongOwnerId(id: string): Failure {
  const message =
    'The id of an owner has at most 128 letters, digits and -_.:/@+, and begins with a letter or digit';
  return failure('invalid_value', `${message}, got '${printable(shortened(id))}'.`, { param: 'id' });
}

function conflict(why: Extract<Written, { type: 'conflict' }>['why']): Failure {
  switch (why) {
    case 'once':
      return failure(
        'idempotency_key_reused',
        'This Idempotency-Key was used with another request within the last 24 hours. Use a new one.',
      );
    case 'revoked':
      return failure('conflict', 'This key is revoked and cannot be changed. Create a new one.');
    case 'has-keys':
      return failure(
        'conflict',
        'This owner has keys that are not revoked. Revoke them, or move them to another owner.',
      );
    case 'exists':
      return failure('conflict', 'The id that was drawn for this key is taken. Send the request again.');
  }
}
