import { type ReactNode, useMemo, useState } from 'react';
import { askJson } from '../../api/ask-json.ts';
import { CopyButton } from '../../elements/copy-button.tsx';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { count } from '../../elements/format.ts';
import { Switch } from '../../elements/switch.tsx';
import { useResource } from '../../signals/use-resource.ts';
import type { ViewProps } from '../console.tsx';
import { searchLines, withParents } from './config-lines.ts';
import { ConfigText } from './config-text.tsx';
import { readConfig, readDone } from './loaded-config.ts';
import { ReloadOutcome, type ReloadResult } from './reload-result.tsx';
import './configuration.css';

const route = '/admin/v1/config';

/** The configuration in force, and its reload. */
export function Configuration({ connection }: ViewProps): ReactNode {
  const { value: config, failure, reload } = useResource(connection, route, { read: readConfig });
  const [search, setSearch] = useState('');
  const [onlySet, setOnlySet] = useState(false);
  const [result, setResult] = useState<ReloadResult>();
  const [isReloading, setIsReloading] = useState(false);

  const readAgain = async (): Promise<void> => {
    setIsReloading(true);
    const asked = await askJson(connection, '/admin/v1/reload', { method: 'POST', json: {} });
    setIsReloading(false);
    if (asked.ok) {
      setResult({ type: 'done', atMs: Date.now(), done: readDone(asked.value) });
      reload();
    } else setResult({ type: 'refused', failure: asked.failure });
  };
  const lines = useMemo(() => {
    const all = config?.lines ?? [];
    const chosen = onlySet ? withParents(all, ({ path }) => config?.isSet(path) === true) : all;
    return searchLines(chosen, search);
  }, [config, onlySet, search]);
  const sections = [...new Set(lines.map(({ section }) => section))];

  return (
    <div className="configuration">
      <header>
        <h2>Configuration</h2>
        {config !== undefined && (
          <p className="file">
            {config.file === undefined ? (
              <span className="hint">No file: environment, flags and defaults</span>
            ) : (
              <>
                <code>{config.file}</code> <CopyButton text={config.file} what="path" />
              </>
            )}
          </p>
        )}
        <button type="button" className="apart" onClick={() => void readAgain()} disabled={isReloading}>
          {isReloading ? 'Reloading…' : 'Reload'}
        </button>
      </header>
      {result !== undefined && <ReloadOutcome result={result} />}
      {failure !== undefined && <FailureAlert failure={failure} />}
      {config !== undefined && (
        <>
          <search className="tools">
            <input
              type="search"
              aria-label="Search"
              placeholder="Search settings and values"
              value={search}
              onChange={(event) => setSearch(event.target.value)}
            />
            <Switch isOn={onlySet} onSet={setOnlySet}>
              Without defaults
            </Switch>
            <span className="hint" aria-live="polite">
              {search.trim() === '' ? '' : `${count(lines.length)} lines`}
            </span>
            <span className="apart">
              <CopyButton text={() => lines.map(({ text }) => `${text}\n`).join('')} label="Copy as YAML" />
            </span>
          </search>
          <p className="hint legend">
            <span className="set-mark" aria-hidden="true" /> Set by the file, the environment or a flag; the
            others have their defaults. <span className="restart">restart</span> Changes by a restart only: a
            reload that would change it is refused. Secrets are ***.
          </p>
          <div className="yaml">
            <div>
              {lines.length === 0 ? (
                <p className="hint">No setting has this in it.</p>
              ) : (
                <ConfigText config={config} lines={lines} search={search} />
              )}
            </div>
            <nav aria-label="Sections">
              {sections.map((section) => (
                <button
                  key={section}
                  type="button"
                  className="quiet"
                  onClick={() =>
                    document.getElementById(`section-${section}`)?.scrollIntoView({ block: 'start' })
                  }
                >
                  {section}
                </button>
              ))}
            </nav>
          </div>
        </>
      )}
    </div>
  );
}
