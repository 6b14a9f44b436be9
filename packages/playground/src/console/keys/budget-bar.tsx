import type { ReactNode } from 'react';
import { relativeTime } from '../../elements/format.ts';
import { amountOf, limitOf, limitWords, type Standing, sharesOf, spentWords } from './budget.ts';
import type { Budget } from './key.ts';

interface BudgetBarProps {
  readonly budget: Budget | null;
  /** Absent: it is not known yet. */
  readonly standing: Standing | undefined;
}

/** What is spent of a budget, what running requests have reserved of it, and when it begins anew. */
export function BudgetBar({ budget, standing }: BudgetBarProps): ReactNode {
  if (standing === undefined)
    return budget === null ? <span className="hint">none</span> : limitWords(limitOf(budget));
  const { unit, limit, spent, reserved, resets_at: resetsAt } = standing;
  const shares = sharesOf(standing);
  const isOver = spent >= limit;
  const words = spentWords(standing);
  const isReserved = reserved > 0 ? `${amountOf(unit, reserved)} reserved` : undefined;
  const resets = resetsAt === null ? undefined : `resets ${relativeTime(Date.parse(resetsAt))}`;
  return (
    <div className={isOver ? 'budget-bar over' : 'budget-bar'}>
      <p>{words}</p>
      {/* biome-ignore lint/a11y/useSemanticElements: a `meter` has one part, and this has two. */}
      <div
        role="meter"
        aria-label="Budget"
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={Math.min(spent, limit)}
        aria-valuetext={[words, isReserved].filter(Boolean).join(', ')}
      >
        <span className="spent" style={{ width: `${shares.spent * 100}%` }} />
        <span className="reserved" style={{ width: `${shares.reserved * 100}%` }} />
      </div>
      <p className="hint">{[isReserved, resets].filter(Boolean).join(' · ')}</p>
    </div>
  );
}
