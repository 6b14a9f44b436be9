import type { ReactNode } from 'react';
import { isChangeable, type Key } from './key.ts';

export type KeyAction = 'edit' | 'rotate' | 'revoke';

interface KeyActionsProps {
  readonly of: Key;
  readonly isQuiet?: true;
  onAct(action: KeyAction): void;
}

const names = { edit: 'Edit', rotate: 'Rotate', revoke: 'Revoke' } as const;

export function KeyActions({ of, isQuiet, onAct }: KeyActionsProps): ReactNode {
  if (!isChangeable(of)) return null;
  return (
    <span className="row">
      {(['edit', 'rotate', 'revoke'] as const).map((action) => (
        <button
          key={action}
          type="button"
          className={isQuiet ? 'quiet' : undefined}
          onClick={() => onAct(action)}
        >
          {names[action]}
        </button>
      ))}
    </span>
  );
}
