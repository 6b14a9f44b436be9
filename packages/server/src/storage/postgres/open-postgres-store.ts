import type { StoreOpening } from '../opening.ts';

export interface PostgresStoreOptions {
  readonly url: string;
  readonly outbox?: boolean;
}

export async function openPostgresStore(_options: PostgresStoreOptions): Promise<StoreOpening> {
  return { ok: false, reason: 'fault', message: 'PostgreSQL is not supported yet' };
}
