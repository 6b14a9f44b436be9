import { hash } from 'node:crypto';
import { readFields } from '../access/administration/read-fields.ts';
import { fail, failure, ok, type Result } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { OnceFor } from '../storage/contract.ts';
import { parseJsonBody } from '../wire/json-body.ts';
import type { BodyBudget } from './body-budget.ts';
import type { Exchange } from './exchange.ts';
import { readBody } from './read-body.ts';

/** A key with 256 models of 256 characters fits. */
const maxBodyBytes = 128 * 1024;
const maxOnceKey = 255;
const noBytes = new Uint8Array();

export interface AskedWrite {
  readonly body: JsonValue;
  readonly once?: OnceFor;
}

/** Reads a write of the administration: its body, `{}` where none came, and its `Idempotency-Key`. */
export async function readWrite(
  exchange: Exchange,
  budget: BodyBudget,
  maxBytes = maxBodyBytes,
): Promise<Result<AskedWrite>> {
  if (isBodyless(exchange)) {
    const once = onceFor(exchange, noBytes);
    return once.ok ? ok({ body: {}, ...given(once.value) }) : once;
  }
  const held = await readBody(exchange, maxBytes, budget);
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

/** The body of a write that takes no fields. */
export function readNoFields(body: JsonValue): Result<undefined> {
  return readFields(body, [], () => undefined);
}
