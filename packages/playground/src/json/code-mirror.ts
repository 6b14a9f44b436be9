import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

/*
 * The editor for JSON: CodeMirror, in a shadow root of its own. There its style sheets are constructed and adopted, which the page's
 * policy allows; in the document itself it would write `<style>` elements, which it refuses. Tab leaves the editor.
 */

export interface TextEditor {
  setText(text: string): void;
  /** What a screen reader says of it: its name, and its mistake or its purpose. */
  describe(label: string, description: string, isInvalid: boolean): void;
  focus(): void;
  destroy(): void;
}

const look = EditorView.theme({
  '&': { fontSize: 'var(--code-size, 12.5px)', color: 'var(--text)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5', maxHeight: '46vh' },
  '.cm-content': { padding: '6px 0', caretColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--muted)', border: 'none' },
  '.cm-lineNumbers .cm-gutterElement': { minWidth: '26px', padding: '0 8px 0 4px' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)' },
  '.cm-nonmatchingBracket': { color: 'var(--danger)' },
});

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--text)' },
  { tag: tags.string, color: 'var(--accent)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--accent)' },
  { tag: tags.punctuation, color: 'var(--muted)' },
]);

/**
 * Chromium gives text that is typed over a selection the inline style of what was there, which the page's policy refuses, aloud. So the
 * editor replaces the selection itself.
 */
const replaceSelection = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { inputType, data } = event;
    if (inputType !== 'insertText' || data === null || view.composing || view.state.selection.main.empty)
      return false;
    event.preventDefault();
    view.dispatch(view.state.replaceSelection(data), { scrollIntoView: true, userEvent: 'input.type' });
    return true;
  },
});

/** Puts an editor into the element, which has no shadow root yet or that of an editor before. */
export function openEditor(host: HTMLElement, text: string, onChange: (text: string) => void): TextEditor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open', delegatesFocus: true });
  const described = new Compartment();
  let isSetting = false;
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        history(),
        json(),
        indentOnInput(),
        bracketMatching(),
        syntaxHighlighting(colours),
        look,
        EditorView.lineWrapping,
        replaceSelection,
        described.of([]),
        keymap.of([...defaultKeymap, ...historyKeymap]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !isSetting) onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    setText(next) {
      if (next === view.state.doc.toString()) return;
      isSetting = true;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } });
      isSetting = false;
    },
    describe(label, description, isInvalid) {
      const attributes = {
        // Otherwise axe does not see that the keyboard gets here.
        tabindex: '0',
        'aria-label': label,
        'aria-description': description,
        'aria-invalid': String(isInvalid),
      };
      view.dispatch({ effects: described.reconfigure(EditorView.contentAttributes.of(attributes)) });
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
