import { type ReactNode, useState } from 'react';
import type { WireLog } from '../chat/wire-log.ts';
import { ChoiceBar, choicesNamed } from '../elements/choice-bar.tsx';
import { CopyButton } from '../elements/copy-button.tsx';
import { PanelFrame } from '../elements/panel-frame.tsx';
import { WireBytes } from './wire-bytes.tsx';
import { linesOf, WireEvents } from './wire-events.tsx';
import { WireJson } from './wire-json.tsx';
import './wire-panel.css';
import { WireRequests } from './wire-requests.tsx';

const views = choicesNamed('Events', 'Bytes', 'Headers', 'JSON');
type View = (typeof views)[number]['id'];

interface WirePanelProps {
  readonly wire: WireLog | undefined;
  /** Changes when the log has grown. */
  readonly version: number;
  onClose(): void;
}

/** What the last request sent and received, as events, as bytes, as heads and as JSON. */
export function WirePanel({ wire, version, onClose }: WirePanelProps): ReactNode {
  const [view, setView] = useState<View>('Events');
  return (
    <PanelFrame
      name="Wire"
      isWide
      onClose={onClose}
      actions={
        wire !== undefined &&
        wire.events.length > 0 && (
          <CopyButton label="Copy all" text={() => wire.events.map(linesOf).join('')} />
        )
      }
    >
      {wire === undefined ? (
        <p className="hint">
          Each event of the next answer appears here as it arrives, with its time and the gap before it; so do
          its bytes, and the request as it was sent.
        </p>
      ) : (
        <>
          <div className="wire-views">
            <ChoiceBar name="What is shown" choices={views} chosen={view} onChoose={setView} />
          </div>
          {view === 'Events' && <WireEvents wire={wire} version={version} />}
          {view === 'Bytes' && <WireBytes wire={wire} version={version} />}
          {view === 'Headers' && <WireRequests wire={wire} />}
          {view === 'JSON' && <WireJson wire={wire} />}
        </>
      )}
    </PanelFrame>
  );
}
