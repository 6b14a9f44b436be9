import { type ReactNode, useId, useState } from 'react';
import { type AnswerFacts, type PickedUp, tokensPerSecond } from '../chat/answer.ts';
import { costMicroUsd } from '../chat/cost.ts';
import { Sparkline } from '../elements/charts/sparkline.tsx';
import { count, duration, money, rate } from '../elements/format.ts';
import { AnswerDetails } from './answer-details.tsx';
import './answer-meters.css';
import { useInstruments } from './instruments.tsx';
import { PhaseBar } from './phase-bar.tsx';

/** The figures of one answer: the main ones in a line, the others under `Details`. A figure that is not known is left out. */
export function AnswerMeters({ facts }: { facts: AnswerFacts }): ReactNode {
  const { ttftMs, promptTokens, completionTokens, pieces, finish, target, gaps, state, pickedUp } = facts;
  const instruments = useInstruments();
  const [showsDetails, setShowsDetails] = useState(false);
  const detailsId = useId();
  const model = instruments.model(facts.model);
  const speed = tokensPerSecond(facts);
  const tokens = completionTokens ?? pieces;
  const isCounted = completionTokens !== undefined;
  const cost =
    model?.price === undefined || promptTokens === undefined
      ? undefined
      : costMicroUsd(model.price, {
          prompt: promptTokens,
          completion: tokens,
          cached: facts.cachedTokens ?? 0,
        });
  return (
    <div className="meters">
      <PhaseBar facts={facts} />
      <div className="meter-line">
        <dl aria-label="Figures of the answer">
          {ttftMs !== undefined && <Meter name="TTFT" value={duration(ttftMs)} title="Time to first token" />}
          {speed !== undefined && <Meter name="tokens/s" value={rate(speed)} isMoving />}
          {tokens > 0 && (
            <Meter
              name="tokens"
              value={`${isCounted ? '' : '~'}${count(tokens)}${promptTokens === undefined ? '' : ` + ${count(promptTokens)} prompt`}`}
              isMoving
            />
          )}
          {cost !== undefined && <Meter name="cost" value={money(cost)} title="By the price of the model" />}
          {state === 'stopped' || state === 'failed' ? (
            <Meter name="finish" value={state} />
          ) : (
            finish !== undefined && <Meter name="finish" value={finish} />
          )}
          {pickedUp !== undefined && <Meter name="reconnected" value={pickedUpWords(pickedUp)} />}
          {target !== undefined && (
            <Meter name="target" value={target} title={`The target that began: ${target}`} isLong />
          )}
        </dl>
        {gaps !== undefined && gaps.longest.length > 2 && (
          <span className="gaps" title={`Gaps between pieces: the longest ${duration(gaps.longestMs)}`}>
            <Sparkline values={gaps.longest} />
          </span>
        )}
        <button
          type="button"
          className="quiet"
          aria-expanded={showsDetails}
          aria-controls={showsDetails ? detailsId : undefined}
          onClick={() => setShowsDetails(!showsDetails)}
        >
          Details
        </button>
      </div>
      {showsDetails && <AnswerDetails id={detailsId} facts={facts} model={model} costMicroUsd={cost} />}
    </div>
  );
}

export function pickedUpWords({ times, afterMs, isComplete }: PickedUp): string {
  const often = times === 1 ? '' : `${times} times, last `;
  return `${often}after ${duration(afterMs)}${isComplete ? ', nothing lost' : ''}`;
}

interface MeterProps {
  readonly name: string;
  readonly value: string;
  readonly title?: string;
  /** It changes while the answer comes: it has room for more digits, so that its neighbours stand still. */
  readonly isMoving?: true;
  /** It may be cut, and says itself what it is. */
  readonly isLong?: true;
}

function Meter({ name, value, title, isMoving, isLong }: MeterProps): ReactNode {
  return (
    <div title={title} className={`meter${isMoving ? ' moving' : ''}${isLong ? ` ${name}` : ''}`}>
      <dt className={isLong && 'unseen'}>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
