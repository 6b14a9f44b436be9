import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { TextEditor } from './code-mirror.ts';
import './json-editor.css';

interface JsonEditorProps {
  /** The id of the element that takes the focus. */
  readonly id: string;
  readonly label: string;
  readonly text: string;
  /** What is wrong with the text; empty where nothing is. */
  readonly errors: readonly string[];
  readonly hint: string;
  onChange(text: string): void;
}

/** A field for JSON. Until its editor is loaded, and where it cannot be, a plain field stands in its place. */
export function JsonEditor({ id, label, text, errors, hint, onChange }: JsonEditorProps): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const plain = useRef<HTMLTextAreaElement>(null);
  const latest = useRef({ text, onChange });
  latest.current = { text, onChange };
  /** The person is in the plain field when the editor takes its place. */
  const hadFocus = useRef(false);
  const [editor, setEditor] = useState<TextEditor>();
  const said = errors.length === 0 ? hint : errors.join(' ');
  useEffect(() => {
    let opened: TextEditor | undefined;
    let isGone = false;
    void import('./code-mirror.ts').then(
      ({ openEditor }) => {
        if (isGone || host.current === null) return;
        hadFocus.current = document.activeElement === plain.current;
        opened = openEditor(host.current, latest.current.text, (next) => latest.current.onChange(next));
        setEditor(opened);
      },
      // The plain field stays.
      () => {},
    );
    return () => {
      isGone = true;
      opened?.destroy();
    };
  }, []);
  useEffect(() => {
    // Before it has been drawn it cannot have the focus.
    if (hadFocus.current) editor?.focus();
    hadFocus.current = false;
  }, [editor]);
  useEffect(() => {
    editor?.setText(text);
  }, [editor, text]);
  const isWrong = errors.length > 0;
  useEffect(() => {
    editor?.describe(label, said, isWrong);
  }, [editor, label, said, isWrong]);
  return (
    <div className={errors.length === 0 ? 'json-editor' : 'json-editor wrong'}>
      <div ref={host} id={editor === undefined ? undefined : id} />
      {editor === undefined && (
        <textarea
          ref={plain}
          id={id}
          aria-label={label}
          aria-invalid={errors.length > 0}
          aria-describedby={`${id}-hint`}
          spellCheck={false}
          value={text}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
      {errors.length === 0 ? (
        <p id={`${id}-hint`} className="hint">
          {hint}
        </p>
      ) : (
        <ul id={`${id}-hint`} className="refused" aria-label={`Mistakes in ${label}`}>
          {errors.map((error) => (
            <li key={error}>{error}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
