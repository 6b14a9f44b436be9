import type { ReactNode } from 'react';
import type { ServedModel } from '../../api/connection.ts';
import type { Chat } from '../../chat/chat.ts';
import type { Playground } from '../../chat/playground.ts';
import type { RequestField } from '../../chat/request-fields.ts';
import { Lane } from './lane.tsx';
import './compare.css';

interface LanesProps {
  readonly chats: readonly Chat[];
  /** The one that the toolbar and the panels are for. */
  readonly selected: Chat;
  readonly models: readonly ServedModel[];
  readonly playground: Playground;
  onSelect(id: string): void;
  /** Shows the parameters of this chat. */
  onSettings(id: string): void;
  onField(field: RequestField): void;
}

/** Several chats side by side. */
export function Lanes(props: LanesProps): ReactNode {
  const { chats, selected, models, playground, onSelect, onSettings, onField } = props;
  return (
    <div className="lanes">
      {chats.map((chat, at) => (
        <Lane
          key={chat.id}
          chat={chat}
          name={`Lane ${at + 1}`}
          models={models}
          isSelected={chat === selected}
          onSelect={() => onSelect(chat.id)}
          onSettings={() => onSettings(chat.id)}
          onUse={() => playground.chooseLane(chat.id)}
          onRemove={() => playground.closeLane(chat.id)}
          onField={onField}
        />
      ))}
    </div>
  );
}
