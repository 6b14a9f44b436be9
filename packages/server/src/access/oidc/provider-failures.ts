import { type Failure, failure } from '../../domain/failure.ts';
import { quoted } from '../../domain/query-parameters.ts';
import { ProviderCallFailed } from './bounded-fetch.ts';

/*
 * What the library throws, as failures. It tells errors apart by `code`; the codes are in its documentation. Its messages are for
 * the log: they may quote the provider.
 */

/** The parts of the library's errors that are read here. */
interface Thrown {
  readonly code?: unknown;
  /** The error code of the provider, such as `access_denied`. */
  readonly error?: unknown;
  readonly error_description?: unknown;
  readonly message?: unknown;
}

/**
 * Failures: those of `BoundedFetch`; `admin_required` where the provider has not let the person in; `invalid_value` for a code that was
 * used or is too old; `upstream_auth` where the provider does not take this server's own id and secret; `upstream_refused` for its
 * other errors; `upstream_protocol` for an answer that is not valid.
 */
export function failureOfProvider(thrown: unknown): Failure {
  if (thrown instanceof ProviderCallFailed) return thrown.failure;
  const {
    code,
    error,
    error_description: description,
    message,
  } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as Thrown;
  const name = typeof error === 'string' ? error : 'unknown';
  const cause = {
    detail: typeof code === 'string' ? code : 'an answer that the library cannot read',
    wording: typeof description === 'string' ? `${name}: ${description}` : String(message),
  };
  switch (code) {
    case 'OAUTH_AUTHORIZATION_RESPONSE_ERROR':
      return name === 'access_denied' || name === 'login_required'
        ? failure('admin_required', `The OpenID Connect provider has not signed you in: ${name}.`, cause)
        : failure('upstream_refused', refused(name), cause);
    case 'OAUTH_WWW_AUTHENTICATE_CHALLENGE':
      return failure('upstream_auth', wrongClient, cause);
    case 'OAUTH_RESPONSE_BODY_ERROR':
      if (name === 'invalid_client' || name === 'unauthorized_client')
        return failure('upstream_auth', wrongClient, cause);
      return name === 'invalid_grant'
        ? failure('invalid_value', usedCode, { param: 'code', ...cause })
        : failure('upstream_refused', refused(name), cause);
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
      return failure('upstream_protocol', `${notValid}: it has expired, or the clocks differ.`, cause);
    case 'OAUTH_JWT_CLAIM_COMPARISON_FAILED':
      return failure(
        'upstream_protocol',
        `${notValid}: it was made for another sign-in, another client, or by another issuer.`,
        cause,
      );
    default:
      return failure('upstream_protocol', invalidAnswer, cause);
  }
}

const notValid = 'What the OpenID Connect provider says of you is not valid';
const invalidAnswer =
  'The OpenID Connect provider (auth.oidc.issuer) has sent an answer that is not valid; the log of this server says more.';
const wrongClient =
  'The OpenID Connect provider does not know this server: check auth.oidc.client_id and auth.oidc.client_secret.';
const usedCode =
  'The OpenID Connect provider does not take the code of this sign-in: it was used already, or is too old. Sign in again.';

function refused(error: string): string {
  return `The OpenID Connect provider has refused the sign-in: ${quoted(error)}. Check auth.oidc, and the client of this server there.`;
}
