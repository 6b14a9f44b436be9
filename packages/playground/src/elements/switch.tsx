import type { ReactNode } from 'react';

interface SwitchProps {
  readonly isOn: boolean;
  /** Its name stands behind it, and sets it too. */
  readonly children: ReactNode;
  onSet(isOn: boolean): void;
}

export function Switch({ isOn, children, onSet }: SwitchProps): ReactNode {
  return (
    <label className="switch">
      <input
        type="checkbox"
        role="switch"
        aria-checked={isOn}
        checked={isOn}
        onChange={(event) => onSet(event.target.checked)}
      />
      {children}
    </label>
  );
}
