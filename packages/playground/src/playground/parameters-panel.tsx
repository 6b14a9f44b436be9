import type { ReactNode } from 'react';
import type { PageFailure } from '../api/failure.ts';
import type { Chat } from '../chat/chat.ts';
import type { ChatState } from '../chat/chat-state.ts';
import { fieldOf, type ParameterField, type ParameterName, parameterFields } from '../chat/parameters.ts';
import { PanelFrame } from '../elements/panel-frame.tsx';

interface PanelProps {
  readonly state: ChatState;
  readonly chat: Chat;
  onClose(): void;
}

export function ParametersPanel({ state, chat, onClose }: PanelProps): ReactNode {
  const { parameters, failure } = state;
  const isSet = Object.values(parameters).some((text) => text !== '');
  const refused = fieldOf(failure?.param);
  return (
    <PanelFrame
      name="Parameters"
      onClose={onClose}
      actions={
        <button type="button" className="quiet" disabled={!isSet} onClick={() => chat.resetParameters()}>
          Reset all
        </button>
      }
    >
      <div className="fields">
        {parameterFields.map((field) => (
          <Field
            key={field.name}
            field={field}
            text={parameters[field.name]}
            failure={refused === field.name ? failure : undefined}
            onChange={(text) => chat.setParameter(field.name, text)}
          />
        ))}
      </div>
    </PanelFrame>
  );
}

/** The id of the element in which a parameter is typed. */
export function fieldId(name: ParameterName): string {
  return `parameter-${name}`;
}

interface FieldProps {
  readonly field: ParameterField;
  readonly text: string;
  readonly failure: PageFailure | undefined;
  onChange(text: string): void;
}

function Field({ field, text, failure, onChange }: FieldProps): ReactNode {
  const { name, hint, unset, step } = field;
  const id = fieldId(name);
  const common = {
    id,
    value: text,
    placeholder: unset,
    'aria-invalid': failure !== undefined,
    'aria-describedby': `${id}-hint`,
  };
  return (
    <div className="field">
      <div className="row">
        <label htmlFor={id}>{name}</label>
        {text !== '' && (
          <button type="button" className="quiet" aria-label={`Reset ${name}`} onClick={() => onChange('')}>
            Reset
          </button>
        )}
      </div>
      {step === undefined ? (
        <textarea {...common} rows={2} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <input
          {...common}
          // Not `number`: such a field hides what it cannot read, and the server could not refuse it.
          type="text"
          inputMode="decimal"
          autoComplete="off"
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={(event) => {
            const sign = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0;
            if (sign === 0 || Number.isNaN(Number(text))) return;
            event.preventDefault();
            onChange(String(Number((Number(text) + sign * step).toFixed(2))));
          }}
        />
      )}
      <p id={`${id}-hint`} className={failure === undefined ? 'hint' : 'refused'}>
        {failure === undefined ? hint : failure.message}
      </p>
    </div>
  );
}
