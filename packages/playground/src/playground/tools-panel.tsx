import { type ReactNode, useEffect, useState } from 'react';
import type { PageFailure } from '../api/failure.ts';
import type { Chat } from '../chat/chat.ts';
import type { ChatState } from '../chat/chat-state.ts';
import { choiceOfFunction, parameterField, toolParameters } from '../chat/parameters.ts';
import { fieldOf } from '../chat/request-fields.ts';
import { exampleTools, newTool, type Tool, type ToolSettings } from '../chat/tools.ts';
import { PanelFrame } from '../elements/panel-frame.tsx';
import { Switch } from '../elements/switch.tsx';
import { useChecks } from '../json/checks.ts';
import { JsonEditor } from '../json/json-editor.tsx';
import { FoldedGroup } from './folded-group.tsx';
import { failureLine, schemaMistakes } from './format-field.tsx';
import { Field, fieldId } from './parameter-field.tsx';
import './tools-panel.css';

interface PanelProps {
  readonly state: ChatState;
  readonly chat: Chat;
  onClose(): void;
}

/** The functions that the model may call, and how their calls are answered. */
export function ToolsPanel({ state, chat, onClose }: PanelProps): ReactNode {
  const { tools, parameters, failure } = state;
  const { all, answersFromMock } = tools;
  const refused = fieldOf(failure?.param, state);
  const [added, setAdded] = useState<number>();
  useEffect(() => {
    // What shows the calls is there before the first one comes.
    void import('./calls-view.tsx');
  }, []);
  const set = (change: Partial<ToolSettings>): void => chat.set({ tools: { ...tools, ...change } });
  const add = (tool: Tool): void => {
    setAdded(all.length);
    set({ all: [...all, { ...tool, name: freeName(tool.name, all) }] });
  };
  return (
    <PanelFrame
      name="Tools"
      isWide
      onClose={onClose}
      actions={
        <button type="button" className="quiet" onClick={() => add(newTool)}>
          Add a function
        </button>
      }
    >
      <div className="fields">
        <div>
          <Switch isOn={answersFromMock} onSet={(isOn) => set({ answersFromMock: isOn })}>
            Answer from the mock
          </Switch>
          <p className="hint">
            Calls of functions with a mock result get it at once, and the answer goes on. Without it each
            result is typed.
          </p>
        </div>
        {refused === 'tools' && <p className="refused">{failure?.message}</p>}
        {all.length === 0 && <p className="hint">The model may call nothing yet.</p>}
        <div>
          {all.map((tool, at) => (
            <FoldedGroup
              // biome-ignore lint/suspicious/noArrayIndexKey: a name may be typed or come twice; the place is its identity.
              key={`${at} of ${all.length}`}
              title={tool.name || 'without a name'}
              note={tool.description}
              opener={refused?.startsWith(`tools.${at}.`) ? failure : at === added ? newTool : undefined}
            >
              <ToolFields
                tool={tool}
                at={at}
                refusedPart={refused?.startsWith(`tools.${at}.`) ? refused.split('.')[2] : undefined}
                failure={failure}
                onChange={(next) => set({ all: all.with(at, next) })}
                onRemove={() => {
                  setAdded(undefined);
                  set({ all: all.toSpliced(at, 1) });
                }}
              />
            </FoldedGroup>
          ))}
        </div>
        <div className="row examples">
          <span className="hint">Examples:</span>
          {exampleTools.map(({ label, tool }) => (
            <button key={label} type="button" className="quiet" onClick={() => add(tool)}>
              {label}
            </button>
          ))}
        </div>
        {toolParameters.map((name) => {
          const field = parameterField(name);
          const named = name === 'tool_choice' ? all.map((tool) => choiceOfFunction(tool.name)) : [];
          return (
            <Field
              key={name}
              field={{ ...field, choices: [...(field.choices ?? []), ...new Set(named)] }}
              text={parameters[name]}
              failure={refused === name ? failure : undefined}
              onChange={(text) => chat.setParameter(name, text)}
            />
          );
        })}
      </div>
    </PanelFrame>
  );
}

/** Two functions cannot have one name. */
function freeName(name: string, all: readonly Tool[]): string {
  let free = name;
  for (let number = 2; all.some((tool) => tool.name === free); number += 1) free = `${name}_${number}`;
  return free;
}

interface ToolFieldsProps {
  readonly tool: Tool;
  readonly at: number;
  readonly refusedPart: string | undefined;
  readonly failure: PageFailure | undefined;
  onChange(tool: Tool): void;
  onRemove(): void;
}

function ToolFields({ tool, at, refusedPart, failure, onChange, onRemove }: ToolFieldsProps): ReactNode {
  const checks = useChecks();
  const { name, description, parameters, mock } = tool;
  const errors =
    refusedPart === 'parameters' && failure !== undefined
      ? [failureLine(failure)]
      : parameters.trim() === ''
        ? []
        : schemaMistakes(parameters, checks);
  const said = (part: string): string | undefined => (refusedPart === part ? failure?.message : undefined);
  const id = (part: 'name' | 'description' | 'parameters'): string => fieldId(`tools.${at}.${part}`);
  return (
    <>
      <div className="field">
        <label htmlFor={id('name')}>name</label>
        <input
          id={id('name')}
          type="text"
          autoComplete="off"
          spellCheck={false}
          aria-invalid={said('name') !== undefined}
          aria-describedby={`${id('name')}-hint`}
          value={name}
          onChange={(event) => onChange({ ...tool, name: event.target.value })}
        />
        <p id={`${id('name')}-hint`} className="refused">
          {said('name')}
        </p>
      </div>
      <div className="field">
        <label htmlFor={id('description')}>description</label>
        <textarea
          id={id('description')}
          rows={1}
          aria-invalid={said('description') !== undefined}
          aria-describedby={`${id('description')}-hint`}
          placeholder="What it does, for the model"
          value={description}
          onChange={(event) => onChange({ ...tool, description: event.target.value })}
        />
        <p id={`${id('description')}-hint`} className="refused">
          {said('description')}
        </p>
      </div>
      <div className="field">
        <span className="field-name">parameters</span>
        <JsonEditor
          id={id('parameters')}
          label={`Parameters of ${name}`}
          text={parameters}
          errors={errors}
          hint="A JSON Schema of its arguments."
          onChange={(text) => onChange({ ...tool, parameters: text })}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id('name')}-mock`}>mock result</label>
        <textarea
          id={`${id('name')}-mock`}
          rows={1}
          spellCheck={false}
          placeholder="JSON or text that stands for its result"
          value={mock}
          onChange={(event) => onChange({ ...tool, mock: event.target.value })}
        />
      </div>
      <div className="row">
        <button type="button" className="quiet" aria-label={`Remove ${name}`} onClick={onRemove}>
          Remove
        </button>
      </div>
    </>
  );
}
