import { type ReactNode, useMemo, useState } from 'react';
import type { Chat } from '../chat/chat.ts';
import type { Message, ToolCall } from '../chat/message-tree.ts';
import { maxMockTurns, mockTurns } from '../chat/tool-results.ts';
import type { Tool } from '../chat/tools.ts';
import { CopyButton } from '../elements/copy-button.tsx';
import { ShortText } from '../elements/short-text.tsx';
import { prettyJson } from '../json/pretty-json.ts';
import { Verdict } from './json-answer.tsx';
import './calls-view.css';

interface CallsProps {
  readonly message: Message;
  readonly chat: Chat;
  readonly tools: readonly Tool[];
  /** The calls that wait for a result; undefined where the chat goes on, or nothing can be given now. */
  readonly open: readonly ToolCall[] | undefined;
  readonly isLive: boolean;
}

/** The calls of an answer as they stream, and at their end a field for the result of each. */
export function CallsView({ message, chat, tools, open, isLive }: CallsProps): ReactNode {
  const { calls = [], facts } = message;
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const results = new Map((open ?? []).map(({ id }) => [id, typed.get(id) ?? '']));
  const isReady = results.size > 0 && [...results.values()].every((text) => text !== '');
  const set = (id: string, text: string): void => setTyped(new Map([...typed, [id, text]]));
  return (
    <form
      className="calls"
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) chat.giveResults(results);
      }}
    >
      {calls.map((call, at) => {
        const tool = tools.find(({ name }) => name === call.name);
        // One call ends before the next begins.
        const isGrowing = isLive && at === calls.length - 1;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: calls are only appended, and their ids may repeat.
          <Call key={at} call={call} tool={tool} isGrowing={isGrowing}>
            {open?.includes(call) && (
              <Result
                call={call}
                mock={tool?.mock ?? ''}
                text={results.get(call.id) ?? ''}
                onChange={(text) => set(call.id, text)}
              />
            )}
          </Call>
        );
      })}
      {open !== undefined && (
        <div className="row">
          <button type="submit" className="primary" disabled={!isReady}>
            Send results
          </button>
          <span className="hint">{hintOf(chat, isReady)}</span>
        </div>
      )}
      {!isLive && facts?.state !== 'done' && facts !== undefined && (
        <p className="hint">The answer broke off. Calls that are not complete are not sent back.</p>
      )}
    </form>
  );
}

function hintOf(chat: Chat, isReady: boolean): string {
  const { tools, tree } = chat.state();
  if (tools.answersFromMock && mockTurns(tree) > maxMockTurns)
    return `${maxMockTurns} turns in a row were answered from the mocks. Send goes on by hand.`;
  return isReady ? '' : 'Each call needs a result.';
}

interface CallProps {
  readonly call: ToolCall;
  readonly tool: Tool | undefined;
  readonly isGrowing: boolean;
  readonly children: ReactNode;
}

const maxName = 200;

function Call({ call, tool, isGrowing, children }: CallProps): ReactNode {
  const { name, arguments: json } = call;
  const shown = useMemo(() => (isGrowing ? json : prettyJson(json)), [json, isGrowing]);
  const shortName = name.length > maxName ? `${name.slice(0, maxName)}…` : name;
  return (
    <figure className="code-block call" aria-label={`Call of ${shortName}`}>
      <figcaption>
        <span>
          <span className="function">{shortName || '…'}</span>
          {!isGrowing && (
            <Verdict text={json} schema={tool?.parameters.trim() ? tool.parameters : undefined} />
          )}
          {!isGrowing && tool === undefined && <span className="refused">is no tool of this chat</span>}
        </span>
        <CopyButton text={json} />
      </figcaption>
      <ShortText text={shown} />
      {children}
    </figure>
  );
}

interface ResultProps {
  readonly call: ToolCall;
  readonly mock: string;
  readonly text: string;
  onChange(text: string): void;
}

function Result({ call, mock, text, onChange }: ResultProps): ReactNode {
  const label = `Result of ${call.name.slice(0, maxName)}`;
  return (
    <div className="result">
      <textarea
        aria-label={label}
        placeholder="Result: JSON or text"
        rows={1}
        spellCheck={false}
        value={text}
        onChange={(event) => onChange(event.target.value)}
      />
      {mock !== '' && (
        <button type="button" onClick={() => onChange(mock)}>
          Use mock
        </button>
      )}
    </div>
  );
}
