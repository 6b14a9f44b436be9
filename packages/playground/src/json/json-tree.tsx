import { type ReactNode, useState } from 'react';
import { createJsonReader, type JsonNode, type JsonReader } from './partial-json.ts';
import { maxRows, type TreeRow, treeRows } from './tree-rows.ts';
import './json-tree.css';

const firstPerNode = 100;
/** Of a longer text only this much is in the tree. */
const maxText = 2_000;
const maxIndent = 20;

/** Reads a text that grows; only what is new is read. */
function createGrowingReader(): (text: string) => JsonReader {
  let reader = createJsonReader();
  let read = '';
  return (text) => {
    if (!text.startsWith(read)) {
      reader = createJsonReader();
      read = '';
    }
    reader.push(text.slice(read.length));
    read = text;
    return reader;
  };
}

/** A JSON text as a tree, also while it comes. */
export function JsonTree({
  text,
  isLive,
  label,
}: {
  text: string;
  isLive: boolean;
  label: string;
}): ReactNode {
  const [read] = useState(createGrowingReader);
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [perNode, setPerNode] = useState(firstPerNode);
  const root = read(text).value();
  if (root === undefined) return null;
  const rows = treeRows(root, { toggled, perNode, isLive });
  const toggle = (path: string): void =>
    setToggled(
      (before) => new Set(before.has(path) ? [...before].filter((one) => one !== path) : [...before, path]),
    );
  return (
    <>
      <ul className="json-tree" aria-label={label}>
        {rows.map((row) => (
          <li key={row.path} style={{ paddingInlineStart: `${Math.min(row.depth, maxIndent) * 1.25}em` }}>
            {row.left === undefined ? (
              <Row row={row} isLive={isLive} onToggle={() => toggle(row.path)} />
            ) : (
              <button
                type="button"
                className="quiet"
                disabled={isLive}
                onClick={() => setPerNode(perNode * 10)}
              >
                {row.left} more
              </button>
            )}
          </li>
        ))}
      </ul>
      {rows.length >= maxRows && <p className="hint">The tree ends here; Text shows the rest.</p>}
    </>
  );
}

function Row({ row, isLive, onToggle }: { row: TreeRow; isLive: boolean; onToggle(): void }): ReactNode {
  const { name, node, isFolded } = row;
  const title = name === undefined ? null : <span className="name">{brief(name)}</span>;
  if (isFolded === undefined || node === undefined)
    return (
      <>
        <span className="fold" />
        {title}
        {node !== undefined && <Value node={node} isLive={isLive} />}
      </>
    );
  return (
    <button type="button" className="fold-button" aria-expanded={!isFolded} onClick={onToggle}>
      <span className="fold" aria-hidden="true">
        {isFolded ? '▸' : '▾'}
      </span>
      {title}
      <span className="size">{sizeOf(node)}</span>
    </button>
  );
}

function Value({ node, isLive }: { node: JsonNode; isLive: boolean }): ReactNode {
  const { kind } = node;
  if (kind === 'object' || kind === 'array')
    return <span className="size">{kind === 'object' ? '{}' : '[]'}</span>;
  return (
    <span className={`value ${kind}${isLive && node.isOpen ? ' growing' : ''}`}>
      {kind === 'string' ? `“${brief(node.text)}${node.isOpen ? '' : '”'}` : node.text}
    </span>
  );
}

function brief(text: string): string {
  return text.length <= maxText ? text : `${text.slice(0, maxText)}… (${text.length} characters)`;
}

function sizeOf(node: JsonNode): string {
  if (node.kind === 'object') return `{${node.members.length}}`;
  return node.kind === 'array' ? `[${node.items.length}]` : '';
}
