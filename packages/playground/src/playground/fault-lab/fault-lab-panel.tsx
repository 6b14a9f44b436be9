import { type ReactNode, useState } from 'react';
import type { Connection } from '../../api/connection.ts';
import type { Chat } from '../../chat/chat.ts';
import type { ChatState } from '../../chat/chat-state.ts';
import type { Playground } from '../../chat/playground.ts';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { PanelFrame } from '../../elements/panel-frame.tsx';
import { useResource } from '../../signals/use-resource.ts';
import { useWatched } from '../../signals/use-watched.ts';
import './fault-lab.css';
import { FaultList } from './fault-list.tsx';
import { groupsIn, type LabSetting } from './lab-api.ts';
import { labRunOf } from './lab-run.ts';
import { remedyOf } from './remedy.ts';
import { StoryView } from './story-view.tsx';

interface FaultLabPanelProps {
  readonly state: ChatState;
  readonly chat: Chat;
  readonly playground: Playground;
  readonly connection: Connection;
  readonly settings: readonly LabSetting[];
  onClose(): void;
}

/** The fault to begin with, and where to try it: a takeover is what most people have not seen. */
const first = { fault: 'cut-rst', setting: 'takeover' };
const resource = { read: groupsIn };

export function FaultLabPanel(props: FaultLabPanelProps): ReactNode {
  const { state, chat, playground, connection, settings, onClose } = props;
  const { value: groups, failure } = useResource(connection, '/v1/fault-lab/faults', resource);
  const lab = labRunOf(chat, connection);
  const run = useWatched(lab);
  const [chosen, choose] = useState(run.fault?.name ?? first.fault);
  const [wanted, want] = useState(run.setting ?? first.setting);
  const setting = settings.find(({ name }) => name === wanted) ?? settings[0];
  const faults = (groups ?? []).flatMap((group) => group.faults);
  const fault = faults.find(({ name }) => name === chosen);
  const remedy = fault && setting && remedyOf(fault, setting.name);
  const send = (): void => {
    if (fault === undefined || setting === undefined) return;
    const text = playground.state().typed.trim();
    playground.type('');
    lab.send(fault, setting.name, text);
  };
  return (
    <PanelFrame name="Fault lab" isWide onClose={onClose}>
      <div className="fault-lab">
        <p className="hint">
          A target inside this server misbehaves. Choose how, send a message, and see what reaches you.
        </p>
        {failure !== undefined && <FailureAlert failure={failure} />}
        <FaultList groups={groups ?? []} chosen={chosen} onChoose={choose} />
        <fieldset className="settings">
          <legend>Its targets</legend>
          {settings.map(({ name, title, description }) => (
            <label key={name} title={description}>
              <input
                type="radio"
                name="lab-setting"
                checked={setting?.name === name}
                onChange={() => want(name)}
              />
              {title}
            </label>
          ))}
        </fieldset>
        {fault !== undefined && (
          <p className="outlook">
            {fault.description} {remedy}
          </p>
        )}
        {state.format.kind !== 'text' && (
          <p className="hint">
            The response_format of this chat asks for JSON, and these targets answer in words: choose text
            first.
          </p>
        )}
        <div className="row">
          <Button className="primary" canPress={!state.running && remedy !== undefined} onPress={send}>
            Send through it
          </Button>
          <Button
            title="Breaks the connection of this page, not the answer"
            canPress={state.running && chat.live() !== undefined}
            onPress={() => chat.cutConnection()}
          >
            Cut my connection
          </Button>
        </div>
        <StoryView {...run} />
      </div>
    </PanelFrame>
  );
}

interface ButtonProps {
  readonly className?: string;
  readonly title?: string;
  readonly children: string;
  readonly canPress: boolean;
  onPress(): void;
}

/** Keeps the focus while it cannot be pressed: a disabled button would lose it by what it has begun. */
function Button({ canPress, onPress, ...rest }: ButtonProps): ReactNode {
  return <button type="button" {...rest} aria-disabled={!canPress} onClick={() => canPress && onPress()} />;
}
