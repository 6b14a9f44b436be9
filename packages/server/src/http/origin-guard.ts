import { type Failure, failure } from '../domain/failure.ts';

const loopbackName = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/**
 * With authentication off, any page in the operator's browser could talk to the server: by its own origin,
 * or by a name that it had resolve to loopback. Both show in headers a page cannot forge.
 */
export function refuseForeign(host: string | undefined, origin: string | undefined): Failure | undefined {
  if (host === undefined || !loopbackName.test(host)) {
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
