import type { ReactNode } from 'react';
import type { PageFailure } from '../../api/failure.ts';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { clockTime } from '../../elements/format.ts';
import { type ReloadDone, type ReloadProblem, readProblems } from './loaded-config.ts';

/** What became of a reload. */
export type ReloadResult =
  | { readonly type: 'done'; readonly atMs: number; readonly done: ReloadDone }
  | { readonly type: 'refused'; readonly failure: PageFailure };

export function ReloadOutcome({ result }: { readonly result: ReloadResult }): ReactNode {
  return result.type === 'done' ? <Done {...result} /> : <Refused failure={result.failure} />;
}

function Done({
  atMs,
  done: { changed, warnings },
}: {
  readonly atMs: number;
  readonly done: ReloadDone;
}): ReactNode {
  const amount = changed.length === 1 ? 'One setting has' : `${changed.length} settings have`;
  return (
    <div role="status" className="reloaded">
      <p>
        <strong>Reloaded at {clockTime(atMs)}.</strong>{' '}
        {changed.length === 0
          ? 'Nothing is different: the file says what was in force already.'
          : `${amount} changed. Running streams keep what they began with.`}
      </p>
      {changed.length > 0 && (
        <ul>
          {changed.map(({ path, change }) => (
            <li key={path}>
              <code>{path}</code> <span className="hint">{change}</span>
            </li>
          ))}
        </ul>
      )}
      {warnings.length > 0 && (
        <ul aria-label="Warnings">
          {warnings.map((warning) => (
            <li key={warning}>Warning: {warning}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Refused({ failure }: { readonly failure: PageFailure }): ReactNode {
  const problems = readProblems(failure.body);
  // Behind its first line the message lists what stands below with its places.
  const [message = ''] = problems.length === 0 ? [failure.message] : failure.message.split('\n');
  const hasLines = problems.some(({ line }) => line !== undefined);
  return (
    <FailureAlert failure={{ ...failure, message }}>
      <ol className="problems">
        {problems.map((problem) => (
          <li key={`${problem.line} ${problem.column} ${problem.path} ${problem.message}`}>
            <Place {...problem} />
            <span>
              {problem.path !== undefined && !problem.message.startsWith(problem.path) && (
                <code>{problem.path}</code>
              )}{' '}
              {problem.message}
            </span>
          </li>
        ))}
      </ol>
      {hasLines && <p className="hint">The lines themselves are not shown: they may hold secrets.</p>}
    </FailureAlert>
  );
}

function Place({ source, line, column }: ReloadProblem): ReactNode {
  if (source === undefined) return null;
  const where = line === undefined ? '' : `line ${line}${column === undefined ? '' : `, column ${column}`}`;
  return (
    <span className="place" title={source}>
      {where === '' ? source : where}
    </span>
  );
}
