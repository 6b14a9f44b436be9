import { lazy, type ReactNode, Suspense, useState } from 'react';
import { flushSync } from 'react-dom';
import type { Connection, ServedModel } from '../api/connection.ts';
import type { Chat } from '../chat/chat.ts';
import type { History } from '../chat/history/history.ts';
import type { Playground } from '../chat/playground.ts';
import { panelOf, type RequestField } from '../chat/request-fields.ts';
import { useShortcuts } from '../shortcuts/use-shortcuts.ts';
import { useWatched } from '../signals/use-watched.ts';
import { ChatActions } from './chat-actions.tsx';
import { Composer, messageId } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { useLabSettings } from './fault-lab/use-lab-settings.ts';
import { Notices } from './notices.tsx';
import { fieldId } from './parameter-field.tsx';
import { ParametersPanel } from './parameters-panel.tsx';
import { type Panel, Toolbar } from './toolbar.tsx';

const CodeDialog = lazy(async () => ({ default: (await import('./code-dialog.tsx')).CodeDialog }));
const WirePanel = lazy(async () => ({ default: (await import('./wire-panel.tsx')).WirePanel }));

const FaultLabPanel = lazy(async () => ({
  default: (await import('./fault-lab/fault-lab-panel.tsx')).FaultLabPanel,
}));
const HistoryPanel = lazy(async () => ({
  default: (await import('./history/history-panel.tsx')).HistoryPanel,
}));

const Lanes = lazy(async () => ({ default: (await import('./compare/lanes.tsx')).Lanes }));

const ShareDialog = lazy(async () => ({
  default: (await import('./share/share-dialog.tsx')).ShareDialog,
}));

const ToolsPanel = lazy(async () => ({ default: (await import('./tools-panel.tsx')).ToolsPanel }));

/** From this width on there is room for a panel beside the chat. Also in `styles/widths.css`. */
const roomForPanel = '(min-width: 1000px)';

interface PlaygroundViewProps {
  readonly playground: Playground;
  readonly history: History;
  readonly models: readonly ServedModel[];
  readonly connection: Connection;
}

export function PlaygroundView(props: PlaygroundViewProps): ReactNode {
  const { chats } = useWatched(props.playground);
  const [selectedId, select] = useState<string>();
  const chat = chats.find(({ id }) => id === selectedId) ?? chats[0];
  return chat === undefined ? null : <ShownChats {...props} chats={chats} chat={chat} onSelect={select} />;
}

interface ShownChatsProps extends PlaygroundViewProps {
  readonly chats: readonly Chat[];
  /** The one that the toolbar and the panels are for. */
  readonly chat: Chat;
  onSelect(id: string): void;
}

function ShownChats(props: ShownChatsProps): ReactNode {
  const { chats, chat, playground, history, models, connection, onSelect } = props;
  const labSettings = useLabSettings(connection);
  const state = useWatched(chat);
  const { typed, running, notice } = useWatched(playground);
  const [panel, setPanel] = useState<Panel | undefined>(() =>
    window.matchMedia(roomForPanel).matches ? 'parameters' : undefined,
  );
  const [showsCode, setShowsCode] = useState(false);
  const [showsShare, setShowsShare] = useState(false);
  const closePanel = (): void => setPanel(undefined);
  const showField = (field: RequestField): void => {
    // The field has to be there before it can have the focus.
    flushSync(() => setPanel(panelOf(field)));
    focusOnceThere(fieldId(field));
  };
  const toggle = (wanted: Panel): void => setPanel(panel === wanted ? undefined : wanted);
  useShortcuts({
    newChat: () => playground.newChat(),
    message: () => document.getElementById(messageId)?.focus(),
    stop: () => playground.stop(),
    regenerate: () => chat.regenerate(),
    parameters: () => toggle('parameters'),
    wire: () => toggle('wire'),
    code: () => setShowsCode(true),
    history: () => toggle('history'),
  });
  return (
    <div className={panel === undefined ? 'playground' : 'playground with-panel'}>
      <Toolbar
        state={state}
        chat={chat}
        models={models}
        panel={panel}
        hasFaultLab={labSettings.length > 0}
        onPanel={toggle}
        onCode={() => setShowsCode(true)}
        laneName={chats.length > 1 ? `Lane ${chats.indexOf(chat) + 1}` : undefined}
      >
        <ChatActions
          chats={chats}
          chat={chat}
          running={running}
          panel={panel}
          onPanel={toggle}
          playground={playground}
          onShare={() => setShowsShare(true)}
        />
      </Toolbar>
      <main>
        <Notices notice={notice} history={history} onDismiss={() => playground.dismissNotice()} />
        {chats.length === 1 ? (
          <Conversation
            key={chat.id}
            state={state}
            chat={chat}
            models={models}
            onField={showField}
            onExample={(text) => {
              playground.type(text);
              playground.send();
            }}
          />
        ) : (
          <Suspense fallback={<div className="conversation" aria-busy="true" />}>
            <Lanes
              chats={chats}
              selected={chat}
              models={models}
              playground={playground}
              onSelect={onSelect}
              onSettings={(id) => {
                onSelect(id);
                setPanel('parameters');
              }}
              onField={showField}
            />
          </Suspense>
        )}
        <Composer
          chats={chats}
          running={chats.some(({ id }) => running.has(id))}
          typed={typed}
          playground={playground}
        />
      </main>
      {panel === 'parameters' && (
        <ParametersPanel state={state} chat={chat} models={models} onClose={closePanel} />
      )}
      {panel === 'history' && (
        <Suspense fallback={<aside className="panel" aria-busy="true" />}>
          <HistoryPanel
            history={history}
            playground={playground}
            shown={chats.map(({ id }) => id)}
            running={running}
            onOpened={() => {
              if (!window.matchMedia(roomForPanel).matches) closePanel();
            }}
            onClose={closePanel}
          />
        </Suspense>
      )}
      <Suspense>
        {panel === 'tools' && <ToolsPanel state={state} chat={chat} onClose={closePanel} />}
        {panel === 'wire' && <WirePanel wire={state.wire} version={state.wireVersion} onClose={closePanel} />}
        {panel === 'fault-lab' && (
          <FaultLabPanel
            {...{ state, chat, playground, connection }}
            settings={labSettings}
            onClose={closePanel}
          />
        )}
        {showsCode && <CodeDialog state={state} typed={typed} onClose={() => setShowsCode(false)} />}
        {showsShare && <ShareDialog chat={chat} onClose={() => setShowsShare(false)} />}
      </Suspense>
    </div>
  );
}

/** Frames for which a panel is waited for that is loaded when it is first shown. */
const maxFrames = 120;

function focusOnceThere(id: string, frames = 0): void {
  const element = document.getElementById(id);
  if (element !== null) element.focus();
  else if (frames < maxFrames) requestAnimationFrame(() => focusOnceThere(id, frames + 1));
}
