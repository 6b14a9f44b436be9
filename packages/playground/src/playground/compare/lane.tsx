import { type ReactNode, useId } from 'react';
import type { ServedModel } from '../../api/connection.ts';
import type { Chat } from '../../chat/chat.ts';
import type { RequestField } from '../../chat/request-fields.ts';
import { useWatched } from '../../signals/use-watched.ts';
import { Conversation } from '../conversation.tsx';

interface LaneProps {
  readonly chat: Chat;
  readonly name: string;
  readonly models: readonly ServedModel[];
  readonly isSelected: boolean;
  onSelect(): void;
  onSettings(): void;
  /** Ends the comparison with this chat. */
  onUse(): void;
  onRemove(): void;
  onField(field: RequestField): void;
}

export function Lane(props: LaneProps): ReactNode {
  const { chat, name, models, isSelected, onSelect, onField } = props;
  const state = useWatched(chat);
  const { model, failure, running } = state;
  const id = useId();
  const isServed = models.some((one) => one.id === model);
  return (
    <section
      className={isSelected ? 'lane selected' : 'lane'}
      aria-label={name}
      onFocus={onSelect}
      onPointerDown={onSelect}
    >
      <header>
        <div className="row">
          <label htmlFor={id}>{name}</label>
          <select
            id={id}
            aria-label={`Model of ${name}`}
            value={model}
            aria-invalid={failure?.param === 'model'}
            onChange={(event) => chat.set({ model: event.target.value })}
          >
            {!isServed && <option value={model}>{model || 'none here'}</option>}
            {models.map((one) => (
              <option key={one.id} value={one.id}>
                {one.id}
              </option>
            ))}
          </select>
        </div>
        <div className="row">
          <button
            type="button"
            className="quiet"
            aria-label={`Settings of ${name}`}
            onClick={props.onSettings}
          >
            Settings
          </button>
          <button type="button" className="quiet" onClick={props.onUse}>
            Use this one
          </button>
          <button type="button" className="quiet" aria-label={`Remove ${name}`} onClick={props.onRemove}>
            Remove
          </button>
          {running && (
            <button type="button" className="stop" aria-label={`Stop ${name}`} onClick={() => chat.stop()}>
              Stop
            </button>
          )}
        </div>
      </header>
      <Conversation state={state} chat={chat} models={models} onField={onField} />
    </section>
  );
}
