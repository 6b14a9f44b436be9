import type { ReactNode } from 'react';
import type { WireExchange, WireHeaders, WireLog } from '../chat/wire-log.ts';
import { CopyButton } from '../elements/copy-button.tsx';
import { duration } from '../elements/format.ts';
import { curlOf } from './code-samples/curl.ts';

/** The heads of what was sent and answered. A stream that was picked up again has several. */
export function WireRequests({ wire: { exchanges } }: { wire: WireLog }): ReactNode {
  return (
    <div className="exchanges">
      {exchanges.map((exchange, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: requests are only appended.
        <Exchange key={at} exchange={exchange} />
      ))}
      <p className="hint">
        The key is left out, and so are headers that the browser adds to a request or keeps from a page.
      </p>
    </div>
  );
}

function Exchange({ exchange }: { exchange: WireExchange }): ReactNode {
  const { method, path, requestHeaders, sentAtMs, answer } = exchange;
  return (
    <section aria-label={`${method} ${path}`} className="exchange">
      <header>
        <code>
          {method} {path}
        </code>
        <CopyButton label="Copy as curl" text={() => curlOf(exchange, window.location.origin)} />
      </header>
      <Head name="Request headers" title={`Sent at ${duration(sentAtMs)}`} headers={requestHeaders} />
      {answer !== undefined && (
        <Head
          name="Response headers"
          title={`${answer.status} at ${duration(answer.atMs)}`}
          headers={answer.headers}
        />
      )}
    </section>
  );
}

function Head({ name, title, headers }: { name: string; title: string; headers: WireHeaders }): ReactNode {
  return (
    <>
      <p className="hint">{title}</p>
      <dl className="headers" aria-label={name}>
        {headers.map(([header, value]) => (
          <div key={header}>
            <dt>{header}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
