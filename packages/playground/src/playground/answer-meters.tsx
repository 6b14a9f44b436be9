import type { ReactNode } from 'react';
import { type AnswerFacts, tokensPerSecond } from '../chat/answer.ts';
import { duration } from '../elements/format.ts';

/** The figures of one answer. A figure that is not known is left out. */
export function AnswerMeters({ facts }: { facts: AnswerFacts }): ReactNode {
  const { ttftMs, promptTokens, completionTokens, pieces, finish, target, requestId, state } = facts;
  const speed = tokensPerSecond(facts);
  const tokens = completionTokens ?? pieces;
  const isCounted = completionTokens !== undefined;
  return (
    <dl className="meters" aria-label="Figures of the answer">
      {ttftMs !== undefined && <Meter name="TTFT" value={duration(ttftMs)} title="Time to first token" />}
      {speed !== undefined && <Meter name="tokens/s" value={speed.toFixed(1)} />}
      {tokens > 0 && (
        <Meter
          name="tokens"
          value={`${isCounted ? '' : '~'}${tokens}${promptTokens === undefined ? '' : ` + ${promptTokens} prompt`}`}
        />
      )}
      {state === 'stopped' || state === 'failed' ? (
        <Meter name="finish" value={state} />
      ) : (
        finish !== undefined && <Meter name="finish" value={finish} />
      )}
      {target !== undefined && <Meter name="target" value={target} />}
      {requestId !== undefined && <Meter name="request" value={requestId} />}
    </dl>
  );
}

function Meter({ name, value, title }: { name: string; value: string; title?: string }): ReactNode {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
