import { type ReactNode, useState } from 'react';

interface FoldedGroupProps {
  readonly title: string;
  /** Said behind the title: how much is set inside. */
  readonly note: string;
  /** The refusal of something inside of it, or another reason to look: each new one opens the group. */
  readonly opener: object | undefined;
  readonly children: ReactNode;
}

/** Fields that few need: folded until they are asked for, or one of them is refused. */
export function FoldedGroup({ title, note, opener, children }: FoldedGroupProps): ReactNode {
  const [isOpen, setIsOpen] = useState(opener !== undefined);
  const [seen, setSeen] = useState(opener);
  if (seen !== opener) {
    setSeen(opener);
    if (opener !== undefined) setIsOpen(true);
  }
  return (
    <details className="group" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>
        {title} <span className="hint">{note}</span>
      </summary>
      {isOpen && <div className="group-fields">{children}</div>}
    </details>
  );
}
