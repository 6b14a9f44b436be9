import type { JsonObject } from '../../../domain/json.ts';
import { asObject } from '../unknown-json.ts';

/**
 * Zhipu (docs.bigmodel.cn/cn/api/api-code): the member `code` of an error. The names are those of OpenAI, so that each code is
 * treated as the same error of any other provider.
 */
const zhipuCodes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    1000: 'authentication',
    1001: 'authentication',
    1002: 'authentication',
    1003: 'authentication',
    1004: 'authentication',
    1110: 'account_deactivated',
    1111: 'account_deactivated',
    1112: 'account_deactivated',
    1113: 'insufficient_balance',
    1120: 'service_unavailable',
    1210: 'invalid_parameter',
    1211: 'model_not_found',
    1212: 'invalid_parameter',
    1213: 'missing_required_parameter',
    1214: 'invalid_parameter',
    1215: 'invalid_parameter',
    1220: 'permission_denied',
    1221: 'not_found',
    1222: 'not_found',
    1230: 'server_error',
    1234: 'server_error',
    1261: 'context_length_exceeded',
    1300: 'content_filter',
    1301: 'content_filter',
    1302: 'rate_limit',
    1303: 'rate_limit',
    1304: 'rate_limit',
    1305: 'rate_limit',
    1308: 'rate_limit',
    1312: 'rate_limit',
  }),
);

/** MiniMax (platform.minimax.io/docs/api-reference/errorcode): `base_resp.status_code`. */
const minimaxCodes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    1000: 'server_error',
    1001: 'timeout',
    1002: 'rate_limit',
    1004: 'authentication',
    1008: 'insufficient_balance',
    1013: 'server_error',
    1024: 'server_error',
    1026: 'content_filter',
    1027: 'content_filter',
    1033: 'server_error',
    1039: 'rate_limit',
    1041: 'rate_limit',
    1042: 'invalid_parameter',
    2013: 'invalid_parameter',
    2045: 'rate_limit',
    2049: 'authentication',
    2056: 'rate_limit',
  }),
);

/**
 * The common name for a code of an error; the code itself where it is none of Zhipu's. Mistral uses the same numbers for other
 * errors, but beside a type, which Zhipu never writes.
 */
export function nameOfCode({ code, type }: JsonObject): unknown {
  const isNumber = typeof code === 'string' || typeof code === 'number';
  const hasType = typeof type === 'string' && type !== '';
  return (isNumber && !hasType ? zhipuCodes.get(String(code)) : undefined) ?? code;
}

/**
 * The error in MiniMax's member `base_resp`, with the members of an error of OpenAI; undefined where the member is absent or
 * reports success, as it does in every good answer.
 */
export function errorInBaseResp(event: JsonObject): JsonObject | undefined {
  const given = asObject(event['base_resp']);
  // Nearly every event ends here.
  if (given === undefined) return undefined;
  const { status_code: code, status_msg: message } = given;
  const number = Number(typeof code === 'string' && code.trim() !== '' ? code : (code ?? 0));
  if (Number.isNaN(number) || number === 0) return undefined;
  return { code: minimaxCodes.get(String(number)) ?? 'server_error', message: message ?? '' };
}
