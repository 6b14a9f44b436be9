import type { ReactNode } from 'react';
import type { Connection } from '../../api/connection.ts';
import { CopyButton } from '../../elements/copy-button.tsx';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { count, dateTime, duration, money, unknownFigure } from '../../elements/format.ts';
import { PanelFrame } from '../../elements/panel-frame.tsx';
import { useResource } from '../../signals/use-resource.ts';
import { costTerms, type PriceBook } from './cost-terms.ts';
import { KeptContent } from './kept-content.tsx';
import { type Filters, requestsAddress } from './request-filters.ts';
import { type RequestAttempt, type RequestRecord, readRecord } from './request-record.ts';
import { storyOf } from './request-story.ts';
import { StatusMark } from './status-mark.tsx';
import { Timeline } from './timeline.tsx';

const whileOpenMs = 2_000;

interface RequestPanelProps {
  readonly connection: Connection;
  readonly id: string;
  /** What the list has of it: shown until the server has answered. */
  readonly listed: RequestRecord | undefined;
  nameOfKey(id: string): string;
  /** Those in force now. */
  readonly prices: PriceBook;
  onClose(): void;
}

/** The whole story of one request. */
export function RequestPanel(props: RequestPanelProps): ReactNode {
  const { connection, id, listed, nameOfKey, prices, onClose } = props;
  const isOpen = listed?.status === 'open';
  const path = `/admin/v1/requests/${encodeURIComponent(id)}`;
  const { value, failure } = useResource(connection, path, {
    read: readRecord,
    ...(isOpen ? { everyMs: whileOpenMs } : {}),
  });
  const record = value ?? listed;
  return (
    <PanelFrame name="Request" takesFocus onClose={onClose}>
      <div className="story">
        {failure !== undefined && <FailureAlert failure={failure} />}
        {record !== undefined && <Story record={record} nameOfKey={nameOfKey} prices={prices} />}
        {value !== undefined && <KeptContent key={id} connection={connection} path={path} />}
      </div>
    </PanelFrame>
  );
}

type StoryProps = Pick<RequestPanelProps, 'nameOfKey' | 'prices'> & { readonly record: RequestRecord };

function Story({ record, nameOfKey, prices }: StoryProps): ReactNode {
  const { model, status, createdAtMs, durationMs, ttftMs, attemptLog, takeovers } = record;
  return (
    <>
      <header>
        <h3>{model}</h3>
        <p>
          <StatusMark status={status} /> <span className="dim">{dateTime(createdAtMs)}</span>
        </p>
      </header>
      <dl className="headline">
        <Fact name="Tokens">{count(record.promptTokens + record.completionTokens)}</Fact>
        <Fact name="Cost">{money(record.costMicroUsd)}</Fact>
        <Fact name="TTFT">{ttftMs === undefined ? unknownFigure : duration(ttftMs)}</Fact>
        <Fact name="Duration">{duration(durationMs)}</Fact>
      </dl>
      <section aria-label="What happened">
        <h4>What happened</h4>
        <ol className="sentences">
          {storyOf(record).map((sentence, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the order of sentences is all that they have.
            <li key={at}>
              {sentence.map((part, of) =>
                // biome-ignore lint/suspicious/noArrayIndexKey: as above.
                typeof part === 'string' ? part : <code key={of}>{part.name}</code>,
              )}
            </li>
          ))}
        </ol>
        <Timeline record={record} />
      </section>
      <section aria-label="Attempts">
        <h4>
          Attempts
          {takeovers > 0 && (
            <span className="dim"> with {takeovers === 1 ? 'a takeover' : `${takeovers} takeovers`}</span>
          )}
        </h4>
        <Attempts log={attemptLog} status={status} />
      </section>
      <section aria-label="Charge">
        <h4>Charge</h4>
        <Charge record={record} prices={prices} />
      </section>
      <section aria-label="Who asked">
        <h4>Who asked</h4>
        <Who record={record} nameOfKey={nameOfKey} />
      </section>
      <section aria-label="Ids">
        <h4>Ids</h4>
        <dl className="facts">
          <Id name="Completion" id={record.id} />
          <Id name="Request" id={record.requestId} />
        </dl>
      </section>
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Id({ name, id }: { readonly name: string; readonly id: string }): ReactNode {
  return (
    <Fact name={name}>
      <code>{id}</code> <CopyButton text={id} what={`${name.toLowerCase()} id`} />
    </Fact>
  );
}

function Attempts({
  log,
  status,
}: {
  readonly log: readonly RequestAttempt[];
  readonly status: RequestRecord['status'];
}): ReactNode {
  if (log.length === 0)
    return (
      <p className="dim">{status === 'open' ? 'They are recorded at its end.' : 'No target was asked.'}</p>
    );
  return (
    <ol className="attempts">
      {log.map((attempt, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: attempts have no other name, and their order stays.
        <li key={at}>
          <span className="target">
            <code>{attempt.target}</code>
            {attempt.mode !== undefined && attempt.mode !== 'first' && (
              <span className="dim"> {modes[attempt.mode]}</span>
            )}
          </span>
          <span className={attempt.outcome === 'failed' ? 'outcome bad' : 'outcome'}>
            {attempt.code ?? attempt.outcome}
          </span>
          <span className="used dim">
            {attempt.estimated ? '~' : ''}
            {count(attempt.promptTokens)} prompt, {count(attempt.completionTokens)} completion
            {attempt.deliveredTokens !== undefined && attempt.deliveredTokens !== attempt.completionTokens
              ? `, ${count(attempt.deliveredTokens)} delivered`
              : ''}
            {attempt.durationMs === undefined ? '' : `, ${duration(attempt.durationMs)}`}
          </span>
        </li>
      ))}
    </ol>
  );
}

const modes: Readonly<Record<string, string>> = {
  hedge: 'hedge',
  prefix: 'takeover, continues',
  replay: 'takeover, replays',
};

function Charge({
  record,
  prices,
}: {
  readonly record: RequestRecord;
  readonly prices: PriceBook;
}): ReactNode {
  const { promptTokens, completionTokens, cachedTokens, reasoningTokens, estimated, costMicroUsd } = record;
  const terms = costTerms(record, prices);
  return (
    <>
      <dl className="facts">
        <Fact name="Prompt">
          {count(promptTokens)}
          {cachedTokens > 0 && <span className="dim"> of which {count(cachedTokens)} cached</span>}
        </Fact>
        <Fact name="Completion">
          {count(completionTokens)}
          {reasoningTokens > 0 && <span className="dim"> of which {count(reasoningTokens)} reasoning</span>}
        </Fact>
        <Fact name="Cost">{money(costMicroUsd)}</Fact>
      </dl>
      {terms !== undefined && costMicroUsd > 0 && (
        <p className="terms">
          {money(costMicroUsd)} = {terms} <span className="dim">per million tokens</span>
        </p>
      )}
      <p className="hint">
        {costMicroUsd === 0
          ? 'Nothing is charged for a model without a price, and for a request without output. '
          : 'The prompt is charged once, and the tokens that were delivered; what other attempts used is not. '}
        {estimated && 'The target did not give every count: the rest is estimated.'}
      </p>
    </>
  );
}

function Who({
  record,
  nameOfKey,
}: {
  readonly record: RequestRecord;
  nameOfKey(id: string): string;
}): ReactNode {
  const { keyId, owner, user, tags } = record;
  const name = nameOfKey(keyId);
  return (
    <dl className="facts">
      <Fact name="Key">
        {name !== keyId && `${name} `}
        <Others filters={{ key_id: keyId }}>{keyId}</Others> <CopyButton text={keyId} what="key id" />
      </Fact>
      <Fact name="Owner">
        <Others filters={{ owner }}>{owner}</Others>
      </Fact>
      <Fact name="User">
        {user === undefined ? unknownFigure : <Others filters={{ user }}>{user}</Others>}
      </Fact>
      <Fact name="Tags">
        {tags.length === 0
          ? unknownFigure
          : tags.map(([tag, value]) => (
              <span key={tag} className="tag">
                <Others filters={{ tag: `${tag}=${value}` }}>{`${tag}=${value}`}</Others>{' '}
              </span>
            ))}
      </Fact>
    </dl>
  );
}

/** A link to all requests with this value. */
function Others({ filters, children }: { readonly filters: Filters; readonly children: string }): ReactNode {
  return <a href={requestsAddress(filters)}>{children}</a>;
}
