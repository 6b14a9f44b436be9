import { type Failure, failure } from '../domain/failure.ts';

const loopbackName = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Whether a `Host` is one of this machine. */
export function isOwnHost(host: string | undefined): host is string {
  return host !== undefined && loopbackName.test(host);
}

/**
 * With authentication off, any page in the operator's browser could send requests to the server: from its own origin, or
 * under a host name of its own that resolves to loopback. Headers that a page cannot forge show both.
 */
export function refuseForeign(host: string | undefined, origin: string | undefined): Failure | undefined {
  if (!isOwnHost(host)) {
    return failure(
      'invalid_value',
      "Without authentication only a Host of this machine is served, such as 'localhost'.",
      {
        param: 'Host',
      },
    );
  }
  if (origin === undefined || loopbackName.test(origin.replace(/^https?:\/\//i, ''))) return undefined;
  return failure(
    'invalid_value',
    'Without authentication no foreign Origin is served. Set auth.required: true.',
    {
      param: 'Origin',
    },
  );
}
