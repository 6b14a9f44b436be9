import type { TestServer } from '../support/server.ts';

type Served = Pick<TestServer, 'baseUrl' | 'adminKey'>;

/** A usage record of `GET /admin/v1/requests`, as far as these tests read it. */
export interface RecordRow {
  readonly id: string;
  readonly key_id: string;
  readonly model: string;
  readonly status: 'open' | 'completed' | 'failed' | 'cut' | 'cancelled' | 'abandoned';
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_micro_usd: number;
  readonly created_at: string;
}

export interface MadeKey {
  readonly id: string;
  readonly key: string;
}

/** A call of the administration; throws where it is not answered with 2xx. Default: GET, or POST where there is a body. */
export async function administer(
  server: Served,
  path: string,
  body?: unknown,
  method = body === undefined ? 'GET' : 'POST',
): Promise<unknown> {
  const response = await fetch(`${server.baseUrl}/admin/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

export async function makeKey(server: Served, fields: Readonly<Record<string, unknown>>): Promise<MadeKey> {
  return (await administer(server, 'keys', fields)) as MadeKey;
}

/** All records that fit `query`, such as `status=open`. */
export async function allRecords(server: Served, query = ''): Promise<RecordRow[]> {
  const rows: RecordRow[] = [];
  for (let after = ''; ; ) {
    const page = (await administer(server, `requests?limit=1000&${query}${after}`)) as {
      readonly data: readonly RecordRow[];
      readonly has_more: boolean;
    };
    rows.push(...page.data);
    if (!page.has_more) return rows;
    after = `&after=${page.data.at(-1)?.id ?? ''}`;
  }
}

export interface OwnUsage {
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly budget: { readonly limit: number; readonly spent: number; readonly reserved: number } | null;
}

/** `GET /v1/usage` of a key over all time. */
export async function ownUsage(server: Served, key: string): Promise<OwnUsage> {
  const response = await fetch(`${server.baseUrl}/v1/usage?since=2020-01-01T00:00:00Z`, {
    headers: { authorization: `Bearer ${key}` },
  });
  if (response.status !== 200)
    throw new Error(`/v1/usage answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as OwnUsage;
}
