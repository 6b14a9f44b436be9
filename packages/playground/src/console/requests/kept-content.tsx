import { type ReactNode, useState } from 'react';
import type { Connection } from '../../api/connection.ts';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { useResource } from '../../signals/use-resource.ts';
import { type ContentPart, readContent } from './request-content.ts';

/** What was asked and answered. It is asked for by a click: who reads it is in the server's log. */
export function KeptContent({
  connection,
  path,
}: {
  readonly connection: Connection;
  /** Of the request. */
  readonly path: string;
}): ReactNode {
  const [shown, setShown] = useState(false);
  const { value, failure } = useResource(connection, shown ? `${path}/content` : undefined, {
    read: readContent,
  });
  return (
    <section aria-label="Prompt and answer">
      <h4>Prompt and answer</h4>
      {!shown && (
        <button type="button" onClick={() => setShown(true)}>
          Show what is kept
        </button>
      )}
      {failure?.code === 'completion_not_found' && <p className="dim">Nothing of them is kept.</p>}
      {failure !== undefined && failure.code !== 'completion_not_found' && <FailureAlert failure={failure} />}
      {value !== undefined && <Parts parts={value} />}
    </section>
  );
}

function Parts({ parts }: { readonly parts: readonly ContentPart[] }): ReactNode {
  return (
    <ol className="contents">
      {parts.map(({ role, text }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: messages have no other name, and their order stays.
        <li key={at}>
          <span className="dim">{role}</span>
          <pre>{text}</pre>
        </li>
      ))}
    </ol>
  );
}
