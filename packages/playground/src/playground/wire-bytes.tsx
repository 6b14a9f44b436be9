import { type ReactNode, useState } from 'react';
import type { WireLog, WirePiece } from '../chat/wire-log.ts';
import { ChoiceBar, choicesNamed } from '../elements/choice-bar.tsx';
import { CopyButton } from '../elements/copy-button.tsx';
import { bytes as byteCount } from '../elements/format.ts';
import { hexDump, visibleText } from './byte-texts.ts';
import { RowList } from './row-list.tsx';
import { Times } from './wire-events.tsx';

const maxBriefBytes = 160;
/** What is shown of one read; what is copied is the whole. */
const maxShownBytes = 8_192;
const forms = choicesNamed('Text', 'Hex');

/** Each read of the connection, as the browser handed it on. */
export function WireBytes({ wire, version }: { wire: WireLog; version: number }): ReactNode {
  const [chosen, choose] = useState<WirePiece>();
  const { items, dropped } = wire.pieces;
  const shown = chosen !== undefined && items.includes(chosen) ? chosen : undefined;
  return (
    <>
      <p className="hint">
        {items.length} reads of the connection
        {dropped > 0 ? `, ${dropped} older ones dropped` : ''}. One read may hold several events, or a part of
        one.
      </p>
      <RowList
        name="Reads"
        items={items}
        version={version}
        chosen={shown}
        keyOf={({ number }) => number}
        onChoose={(item) => choose(item)}
        row={({ atMs, gapMs, bytes }) => (
          <>
            <Times atMs={atMs} gapMs={gapMs} />
            <span className="size">{byteCount(bytes.length)}</span>
            <span>{visibleText(bytes.subarray(0, maxBriefBytes)).replaceAll('\n', '')}</span>
          </>
        )}
      />
      {shown !== undefined && <Read key={shown.number} piece={shown} />}
    </>
  );
}

function Read({ piece: { number, bytes } }: { piece: WirePiece }): ReactNode {
  const [form, setForm] = useState<(typeof forms)[number]['id']>('Text');
  const part = bytes.subarray(0, maxShownBytes);
  const more = bytes.length - part.length;
  return (
    <figure className="code-block payload">
      <figcaption>
        <span>
          read {number}, {byteCount(bytes.length)}
          {more > 0 ? `, the first ${byteCount(part.length)} of it` : ''}
        </span>
        <span className="row">
          <ChoiceBar name="Form of the bytes" choices={forms} chosen={form} onChoose={setForm} />
          <CopyButton text={() => (form === 'Hex' ? hexDump(bytes) : new TextDecoder().decode(bytes))} />
        </span>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long payloads scroll, also by keyboard. */}
      <pre tabIndex={0} className={form === 'Hex' ? 'hex' : 'wrapped'}>
        <code>{form === 'Hex' ? hexDump(part) : visibleText(part)}</code>
      </pre>
    </figure>
  );
}
