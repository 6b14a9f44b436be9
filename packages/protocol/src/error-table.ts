/**
 * The error table: the only place that knows which status and type belong to a code.
 * Decide by `code` and status, never by message text.
 */
const table = {
  invalid_json: [400, 'invalid_request_error'],
  invalid_type: [400, 'invalid_request_error'],
  invalid_value: [400, 'invalid_request_error'],
  missing_parameter: [400, 'invalid_request_error'],
  unsupported_parameter: [400, 'invalid_request_error'],
  context_length_exceeded: [400, 'invalid_request_error'],
  content_policy_violation: [400, 'invalid_request_error'],
  missing_api_key: [401, 'authentication_error'],
  invalid_api_key: [401, 'authentication_error'],
  expired_api_key: [401, 'authentication_error'],
  model_not_allowed: [403, 'permission_error'],
  admin_required: [403, 'permission_error'],
  model_not_found: [404, 'not_found_error'],
  completion_not_found: [404, 'not_found_error'],
  unknown_url: [404, 'not_found_error'],
  method_not_allowed: [405, 'not_found_error'],
  events_gone: [410, 'not_found_error'],
  idempotency_key_reused: [409, 'conflict_error'],
  completion_cancelled: [409, 'conflict_error'],
  conflict: [409, 'conflict_error'],
  body_too_large: [413, 'invalid_request_error'],
  unsupported_media_type: [415, 'invalid_request_error'],
  rate_limit_exceeded: [429, 'rate_limit_error'],
  insufficient_quota: [429, 'rate_limit_error'],
  internal_error: [500, 'server_error'],
  upstream_refused: [502, 'upstream_error'],
  upstream_protocol: [502, 'upstream_error'],
  upstream_auth: [502, 'upstream_error'],
  upstream_cut: [502, 'upstream_error'],
  overloaded: [503, 'overloaded_error'],
  no_healthy_upstream: [503, 'overloaded_error'],
  draining: [503, 'overloaded_error'],
  storage_unavailable: [503, 'overloaded_error'],
  first_token_timeout: [504, 'timeout_error'],
  stall_timeout: [504, 'timeout_error'],
  deadline_exceeded: [504, 'timeout_error'],
} as const satisfies Record<string, readonly [status: number, type: string]>;

/** Every code an error envelope of ours can carry. */
export type ErrorCode = keyof typeof table;
/** The coarse class beside the code, as OpenAI's SDKs know it. */
export type ErrorType = (typeof table)[ErrorCode][1];

export const errorCodes = Object.keys(table) as readonly ErrorCode[];

/** HTTP status and type of a code. */
export function errorKind(code: ErrorCode): { readonly status: number; readonly type: ErrorType } {
  const [status, type] = table[code];
  return { status, type };
}

/** Narrows a string that came from outside, an upstream's `error.code` for instance. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(table, value);
}
