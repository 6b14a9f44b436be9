import type { JsonObject } from '../../domain/json.ts';
import type { Owner, StoredKey } from '../../storage/contract.ts';
import type { Budget, Limits } from '../../storage/keys.ts';
import { defaultOwner } from '../authenticator.ts';
import type { FixedKey } from '../fixed-keys.ts';

/** A stored key as the administration shows it: without its hashes. */
export function keyJson(key: StoredKey, nowMs: number): JsonObject {
  const overlaps = key.hashes.flatMap(({ expiresAtMs }) =>
    expiresAtMs !== undefined && expiresAtMs > nowMs ? [expiresAtMs] : [],
  );
  return {
    id: key.id,
    prefix: key.prefix,
    name: key.name ?? null,
    owner: key.owner,
    fixed: false,
    admin: false,
    ...limitsJson(key),
    expires_at: timeJson(key.expiresAtMs),
    usage_chunk: key.usageChunk ?? null,
    log_content: key.logContent ?? null,
    metadata: key.metadata ?? {},
    created_at: timeJson(key.createdAtMs),
    last_used_at: timeJson(key.lastUsedAtMs),
    revoked_at: timeJson(key.revokedAtMs),
    overlap_until: timeJson(overlaps.length === 0 ? undefined : Math.max(...overlaps)),
  };
}

export function fixedKeyJson({ id, admin, prefix }: FixedKey): JsonObject {
  return {
    id,
    prefix: prefix ?? null,
    name: null,
    owner: defaultOwner,
    fixed: true,
    admin,
    ...limitsJson({}),
    expires_at: null,
    usage_chunk: null,
    log_content: null,
    metadata: {},
    created_at: null,
    last_used_at: null,
    revoked_at: null,
    overlap_until: null,
  };
}

export function ownerJson(owner: Owner): JsonObject {
  return {
    id: owner.id,
    name: owner.name ?? null,
    ...limitsJson(owner),
    metadata: owner.metadata ?? {},
    created_at: timeJson(owner.createdAtMs),
  };
}

function limitsJson(limits: Limits): JsonObject {
  return {
    models: limits.models ?? null,
    requests_per_minute: limits.requestsPerMinute ?? null,
    tokens_per_minute: limits.tokensPerMinute ?? null,
    max_streams: limits.maxStreams ?? null,
    budget: limits.budget === undefined ? null : budgetJson(limits.budget),
  };
}

function budgetJson({ unit, limit, period }: Budget): JsonObject {
  return unit === 'tokens' ? { tokens: limit, period } : { usd: limit / 1_000_000, period };
}

function timeJson(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
