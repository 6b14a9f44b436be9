import type { ReactNode } from 'react';
import type { ServedModel } from '../api/connection.ts';
import type { Chat } from '../chat/chat.ts';
import type { ChatState } from '../chat/chat-state.ts';
import {
  commonParameters,
  type ParameterField,
  type ParameterName,
  parameterField,
  rareParameters,
} from '../chat/parameters.ts';
import { fieldOf } from '../chat/request-fields.ts';
import { PanelFrame } from '../elements/panel-frame.tsx';
import { FoldedGroup } from './folded-group.tsx';
import { FormatField } from './format-field.tsx';
import { Field } from './parameter-field.tsx';
import './parameters-panel.css';

interface PanelProps {
  readonly state: ChatState;
  readonly chat: Chat;
  readonly models: readonly ServedModel[];
  onClose(): void;
}

export function ParametersPanel({ state, chat, models, onClose }: PanelProps): ReactNode {
  const { parameters, failure, format } = state;
  const isSet = format.kind !== 'text' || Object.values(parameters).some((text) => text !== '');
  const defaults = models.find(({ id }) => id === state.model)?.defaults;
  const refused = fieldOf(failure?.param, state);
  const field = (name: ParameterName): ReactNode => (
    <Field
      key={name}
      field={withDefault(parameterField(name), defaults?.[name])}
      text={parameters[name]}
      failure={refused === name ? failure : undefined}
      onChange={(text) => chat.setParameter(name, text)}
    />
  );
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
        {commonParameters.map(field)}
        <FormatField
          format={format}
          refused={refused}
          failure={failure}
          onChange={(next) => chat.set({ format: next })}
        />
        <div>
          {rareParameters.map(({ title, names }) => (
            <FoldedGroup
              key={title}
              title={title}
              note={noteOf(names.filter((name) => parameters[name] !== '').length)}
              opener={names.some((name) => name === refused) ? failure : undefined}
            >
              {names.map(field)}
            </FoldedGroup>
          ))}
        </div>
      </div>
    </PanelFrame>
  );
}

/** An empty field shows the model's own value, where the server says it. */
function withDefault(field: ParameterField, value: unknown): ParameterField {
  return typeof value === 'number' ? { ...field, unset: String(value) } : field;
}

function noteOf(count: number): string {
  return count === 0 ? '' : `${count} set`;
}
