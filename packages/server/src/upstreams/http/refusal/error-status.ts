import { errorKind, isErrorCode } from '@tailrace/protocol';
import type { JsonObject } from '../../../domain/json.ts';
import { asList, asObject, asText } from '../unknown-json.ts';

/**
 * The HTTP status of each name that providers give their errors as code, type or status, written as by {@link plainName}. An
 * error inside an answer often has only a name. Sources: platform.openai.com/docs/guides/error-codes,
 * platform.claude.com/docs/en/api/errors, cloud.google.com/apis/design/errors, and the exceptions of vLLM, LiteLLM and
 * llama.cpp.
 */
const namesOfStatus: Readonly<Record<number, readonly string[]>> = {
  400: [
    'badrequest',
    'contentfilter',
    'contextwindowexceeded',
    'datainspectionfailed',
    'exceedcontextsize',
    'failedprecondition',
    'invalidargument',
    'invalidparameter',
    'invalidparams',
    'invalidprompt',
    'invalidrequest',
    'jsonvalidatefailed',
    'missingrequiredparameter',
    'outofrange',
    'stringabovemaxlength',
    'toolusefailed',
    'unknownparameter',
    'unsupportedvalue',
    'validation',
  ],
  401: ['authentication', 'incorrectapikey', 'invalidauthentication', 'unauthenticated', 'unauthorized'],
  402: [
    'accountoverdue',
    'arrearage',
    'billing',
    'billinghardlimitreached',
    'insufficientbalance',
    'insufficientcredits',
    'paymentrequired',
  ],
  403: ['accessdenied', 'accountdeactivated', 'forbidden', 'permission', 'permissiondenied'],
  404: ['deploymentnotfound', 'invalidmodel', 'notfound', 'resourcenotfound'],
  408: ['requesttimeout'],
  409: ['aborted', 'conflict'],
  413: ['payloadtoolarge', 'requesttoolarge'],
  422: ['unprocessableentity'],
  429: [
    'exceededcurrentquota',
    'limitrequests',
    'quotaexceeded',
    'ratelimit',
    'ratelimited',
    'ratelimitexceeded',
    'ratelimitreached',
    'requests',
    'resourceexhausted',
    'servicetiercapacityexceeded',
    'throttling',
    'tokens',
    'toomanyrequests',
  ],
  499: ['cancelled'],
  500: ['api', 'internal', 'internalserver', 'server'],
  501: ['notimplemented', 'notsupported'],
  503: ['engineoverloaded', 'serviceunavailable', 'unavailable'],
  504: ['deadlineexceeded', 'gatewaytimeout', 'timeout'],
  529: ['overloaded'],
};

const statusOfPlainName: ReadonlyMap<string, number> = new Map(
  Object.entries(namesOfStatus).flatMap(([status, names]) => names.map((name) => [name, Number(status)])),
);

const longestName = 64;

/** `invalid_request_error`, `InvalidRequestError` and `INVALID_REQUEST` are one name. A name that is too long is none. */
export function plainName(name: string): string {
  if (name.length > longestName) return '';
  const letters = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return letters.replace(/(?:error|exception)$/, '');
}

/** The HTTP status that a code, type or status means by its name; undefined for a name that is not known, and for no name. */
export function statusOfName(name: unknown): number | undefined {
  if (typeof name !== 'string' || name.length > longestName) return undefined;
  if (isErrorCode(name)) return errorKind(name).status;
  // `Throttling.RateQuota`, `InvalidParameter.Missing`: the kind comes first (DashScope, Volcengine).
  return (
    statusOfPlainName.get(plainName(name)) ?? statusOfPlainName.get(plainName(name.replace(/\..*$/s, '')))
  );
}

/** A code or status that is an HTTP status of an error, as a number or as text; undefined for any other. */
export function statusOfNumber(code: unknown): number | undefined {
  const number = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code;
  return typeof number === 'number' && Number.isInteger(number) && number >= 400 && number < 600
    ? number
    : undefined;
}

/**
 * The delay that an error names itself, in milliseconds: a member with the name of the header `Retry-After` or
 * `retry-after-ms`, also under `metadata.headers` (OpenRouter), or `RetryInfo.retryDelay` in the details (Google). Undefined
 * where it names none.
 */
export function waitIn(error: JsonObject | undefined): number | undefined {
  const metadata = asObject(error?.['metadata']);
  for (const place of [error, metadata, asObject(metadata?.['headers'])]) {
    for (const name of Object.keys(place ?? {})) {
      const unitMs = retryMembers.get(name.toLowerCase().replaceAll(/[_-]/g, ''));
      const count = unitMs === undefined ? undefined : countIn(place?.[name]);
      if (unitMs !== undefined && count !== undefined) return Math.round(count * unitMs);
    }
  }
  for (const detail of asList(error?.['details'])) {
    const delay = /^(\d+(?:\.\d+)?)s$/.exec(asText(asObject(detail)?.['retryDelay']))?.[1];
    if (delay !== undefined) return Math.round(Number(delay) * 1_000);
  }
  return undefined;
}

const retryMembers: ReadonlyMap<string, number> = new Map([
  ['retryafter', 1_000],
  ['retryafterseconds', 1_000],
  ['retryafterms', 1],
]);

function countIn(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d{1,9}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && count >= 0 && count < 1e9 ? count : undefined;
}
