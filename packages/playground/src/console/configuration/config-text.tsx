import { memo, type ReactNode } from 'react';
import type { ConfigLine } from './config-lines.ts';
import type { LoadedConfig } from './loaded-config.ts';

/** More lines are found by the search only: a file of thousands of models would take the page seconds. */
const mostLines = 3_000;

interface ConfigTextProps {
  readonly config: LoadedConfig;
  readonly lines: readonly ConfigLine[];
  readonly search: string;
}

/** Lines of the configuration, a region for each section. */
export const ConfigText = memo(function ConfigText({ config, lines, search }: ConfigTextProps): ReactNode {
  const shown = lines.slice(0, mostLines);
  const sections = [...new Set(shown.map(({ section }) => section))];
  return (
    <>
      {sections.map((section) => (
        <section key={section} aria-label={section} id={`section-${section}`}>
          <pre>
            {shown
              .filter((line) => line.section === section)
              .map((line) => (
                <Line key={line.path} line={line} config={config} search={search} />
              ))}
          </pre>
        </section>
      ))}
      {lines.length > mostLines && (
        <p className="hint">{lines.length - mostLines} more lines are not shown. The search finds them.</p>
      )}
    </>
  );
});

interface LineProps {
  readonly line: ConfigLine;
  readonly config: LoadedConfig;
  readonly search: string;
}

function Line({ line: { path, text }, config, search }: LineProps): ReactNode {
  const setBy = config.setBy(path);
  const kind = config.isSet(path) ? 'line set' : text.endsWith(':') ? 'line' : 'line default';
  return (
    <span className={kind}>
      <code>{marked(text, search)}</code>
      {config.needsRestart(path) && <small className="restart">restart</small>}
      {setBy !== undefined && (
        <small className="origin narrow-unseen" title={setBy}>
          {setBy.slice(setBy.lastIndexOf('/') + 1)}
        </small>
      )}
      {'\n'}
    </span>
  );
}

/** The text with what was searched for standing out. */
function marked(text: string, search: string): ReactNode {
  const wanted = search.trim().toLowerCase();
  const at = wanted === '' ? -1 : text.toLowerCase().indexOf(wanted);
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + wanted.length)}</mark>
      {text.slice(at + wanted.length)}
    </>
  );
}
