import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { ServedModel } from '../api/connection.ts';
import type { AnswerRecord } from '../api/record.ts';
import { consoleAddress } from '../app/route.ts';
import type { AnswerFacts } from '../chat/answer.ts';
import { Sparkline } from '../elements/charts/sparkline.tsx';
import { CopyButton } from '../elements/copy-button.tsx';
import { count, duration, money, percent } from '../elements/format.ts';
import { useInstruments } from './instruments.tsx';
import { looks, phasesOf } from './phase-bar.tsx';

interface DetailsProps {
  readonly id: string;
  readonly facts: AnswerFacts;
  readonly model: ServedModel | undefined;
  /** By the price of the model. */
  readonly costMicroUsd: number | undefined;
}

/** All that is known of one answer. Where the sender may read records, the server's own figures stand beside those of the page. */
export function AnswerDetails({ id, facts, model, costMicroUsd }: DetailsProps): ReactNode {
  const { gaps, promptTokens, completionTokens, cachedTokens, requestId, completionId } = facts;
  const record = useRecord(facts);
  const list = useRef<HTMLDListElement>(null);
  // They open below the line, which is often the last one in sight.
  // What scrolling returns, a promise in newer browsers, is not for React, which calls it as a clean-up.
  useEffect(() => {
    list.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const phases = phasesOf(facts);
  const cost = record?.costMicroUsd ?? costMicroUsd;
  return (
    <dl ref={list} className="answer-details" id={id} aria-label="Details of the answer">
      {phases.length > 0 && (
        <Detail name="Phases">
          <ul className="phase-times">
            {phases.map(({ name, ms }) => (
              <li key={name}>
                <i className={looks[name]} aria-hidden="true" />
                {name} {duration(ms)}
              </li>
            ))}
          </ul>
        </Detail>
      )}
      {gaps !== undefined && (
        <Detail name="Gaps">
          <span className="gaps">
            <Sparkline values={gaps.longest} />
          </span>
          median {gapTime(gaps.medianMs)}, longest {gapTime(gaps.longestMs)}
        </Detail>
      )}
      {promptTokens !== undefined && (
        <Detail name="Tokens">
          {count(promptTokens)} prompt{cachedTokens ? `, of which ${count(cachedTokens)} cached` : ''}
          {completionTokens === undefined ? '' : `; ${count(completionTokens)} answer`}
        </Detail>
      )}
      {promptTokens !== undefined && model?.contextLength !== undefined && (
        <ContextGauge used={promptTokens + (completionTokens ?? facts.pieces)} length={model.contextLength} />
      )}
      {cost !== undefined && (
        <Detail name="Cost">
          {money(cost)}{' '}
          <span className="hint">{record === undefined ? 'by the list price' : 'recorded'}</span>
        </Detail>
      )}
      {facts.target !== undefined && <Detail name="Answered by">{answeredBy(facts.target, record)}</Detail>}
      {record !== undefined && record.attempts.length > 1 && <Attempts record={record} />}
      {requestId !== undefined && <Identifier name="Request" value={requestId} />}
      {completionId !== undefined && <Identifier name="Completion" value={completionId} />}
      {record !== undefined && (
        <Detail name="Record">
          <a href={consoleAddress('requests', { id: completionId })}>{record.status}: the whole story</a>
        </Detail>
      )}
    </dl>
  );
}

const maxTries = 6;

/** The server's record of an answer that has ended. It is asked for when the details are opened, not with each answer. */
function useRecord({ completionId, state }: AnswerFacts): AnswerRecord | undefined {
  const { record: read } = useInstruments();
  const [record, setRecord] = useState<AnswerRecord>();
  const hasEnded = state !== 'waiting' && state !== 'streaming';
  useEffect(() => {
    if (read === undefined || completionId === undefined || !hasEnded) return;
    let isWanted = true;
    let timer: number | undefined;
    let tries = 0;
    const look = (): void => {
      void read(completionId).then((found) => {
        if (!isWanted) return;
        if (found?.status !== 'open') return setRecord(found);
        // It is settled a moment after the last event.
        tries += 1;
        if (tries < maxTries) timer = window.setTimeout(look, 300 * tries);
      });
    };
    look();
    return () => {
      isWanted = false;
      window.clearTimeout(timer);
    };
  }, [read, completionId, hasEnded]);
  return record;
}

function Detail({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <div className="detail">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Identifier({ name, value }: { name: string; value: string }): ReactNode {
  return (
    <Detail name={name}>
      <code>{value}</code>
      <CopyButton label={`Copy ${name.toLowerCase()} id`} text={value} />
    </Detail>
  );
}

function ContextGauge({ used, length }: { used: number; length: number }): ReactNode {
  return (
    <Detail name="Context">
      <meter
        aria-label="Context used"
        min={0}
        max={length}
        high={length * 0.9}
        value={Math.min(used, length)}
      />
      {count(used)} of {count(length)} tokens, {percent(used / length)}
    </Detail>
  );
}

/** The head names the target that began; a takeover or a fallback may have ended with another one. */
function answeredBy(began: string, record: AnswerRecord | undefined): string {
  const last = record?.target;
  return last === undefined || last === began ? began : `${began}, then ${last}`;
}

function Attempts({ record: { attempts, takeovers } }: { record: AnswerRecord }): ReactNode {
  return (
    <Detail name={takeovers > 0 ? 'Attempts, taken over' : 'Attempts'}>
      <ol className="attempts">
        {attempts.map(({ target, outcome, code, mode }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a record that has ended does not change.
          <li key={at}>
            {target} <span className="hint">{[mode, outcome, code].filter(Boolean).join(', ')}</span>
          </li>
        ))}
      </ol>
    </Detail>
  );
}

/** Gaps are often shorter than a millisecond. */
function gapTime(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : duration(ms);
}
