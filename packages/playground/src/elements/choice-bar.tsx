import type { ReactNode } from 'react';
import './choice-bar.css';

interface Choice<Id extends string> {
  readonly id: Id;
  readonly name: string;
}

interface ChoiceBarProps<Id extends string> {
  /** What is chosen here; for screen readers. */
  readonly name: string;
  readonly choices: readonly Choice<Id>[];
  /** Undefined while it is not known. */
  readonly chosen: Id | undefined;
  onChoose(id: NoInfer<Id>): void;
}

/** A few choices side by side, of which one is pressed. */
export function ChoiceBar<Id extends string>(props: ChoiceBarProps<Id>): ReactNode {
  const { name, choices, chosen, onChoose } = props;
  return (
    <fieldset className="choice-bar">
      <legend className="unseen">{name}</legend>
      {choices.map((choice) => (
        <button
          key={choice.id}
          type="button"
          aria-pressed={choice.id === chosen}
          onClick={() => onChoose(choice.id)}
        >
          {choice.name}
        </button>
      ))}
    </fieldset>
  );
}

/** Choices whose names say enough to be their ids too. */
export function choicesNamed<Name extends string>(...names: readonly Name[]): readonly Choice<Name>[] {
  return names.map((name) => ({ id: name, name }));
}
