import { type FormEvent, type ReactNode, useEffect, useState } from 'react';
import type { PageFailure } from '../api/failure.ts';
import { providerAddress } from '../api/session.ts';
import { Brand } from '../elements/brand.tsx';
import { FailureAlert } from '../elements/failure-alert.tsx';

interface SignInProps {
  readonly failure: PageFailure | undefined;
  onSignIn(key: string): Promise<void>;
  readonly hasProvider: () => Promise<boolean>;
}

export function SignIn({ failure, onSignIn, hasProvider }: SignInProps): ReactNode {
  const [key, setKey] = useState('');
  const [isAsking, setIsAsking] = useState(false);
  const [offersProvider, setOffersProvider] = useState(false);
  useEffect(() => void hasProvider().then(setOffersProvider), [hasProvider]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (key.trim() === '' || isAsking) return;
    setIsAsking(true);
    void onSignIn(key.trim()).finally(() => setIsAsking(false));
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <h1>
          <Brand />
        </h1>
        <p>
          Sign in with a key of this server. An API key stays in this tab and ends with it; an admin key opens
          the console too, and signs this browser in.
        </p>
        <label htmlFor="key">API key</label>
        <input
          id="key"
          type="password"
          autoComplete="off"
          spellCheck={false}
          // biome-ignore lint/a11y/noAutofocus: the only field of the page.
          autoFocus
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <button type="submit" className="primary" disabled={key.trim() === '' || isAsking}>
          Sign in
        </button>
        {offersProvider && (
          <a className="provider" href={providerAddress}>
            Sign in with SSO
          </a>
        )}
        {failure !== undefined && <FailureAlert failure={failure} />}
        <p className="hint">
          The first start made a key: in the server’s folder, <code>cat data/api-key</code> shows it. Or have{' '}
          <code>node launch console</code> print an address that signs this browser in.{' '}
          <a href="/docs">The docs</a> need no key.
        </p>
      </form>
    </main>
  );
}
