import type { MarkedToken, Token, Tokens } from 'marked';
import { memo, type ReactNode, useState } from 'react';
import { codeLanguage } from '../code-text/code-language.ts';
import { CodeText } from '../code-text/code-text.tsx';
import { CopyButton } from '../elements/copy-button.tsx';
import { type BlockReader, createBlockReader } from './block-reader.ts';
import { decodeEntities, safeLink } from './safe-link.ts';
import { useGrowing } from './use-growing.ts';

/*
 * Tokens → React elements. No text of a model becomes HTML: an unknown token, HTML and everything nested too deeply is shown as it was
 * written.
 */

/** Hostile quotes are nested a thousand times; readers lose count at five. */
const maxDepth = 16;

/** The text of an answer. Settled blocks are drawn once. */
export function Markdown({ text, isComplete }: { text: string; isComplete: boolean }): ReactNode {
  const [reader] = useState<BlockReader>(createBlockReader);
  const { settled, open } = reader.read(text, isComplete);
  return (
    <div className="markdown" dir="auto">
      {[...settled, ...open].map((token, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only appended.
        <Block key={at} token={token} isOpen={!isComplete && at >= settled.length} />
      ))}
    </div>
  );
}

/** A block that is open may still grow. */
const Block = memo(function Block({ token, isOpen }: { token: Token; isOpen: boolean }): ReactNode {
  if (token.type === 'code') return <CodeBlock code={token as Tokens.Code} isOpen={isOpen} />;
  return <Shown token={token} depth={0} />;
});

function All({ tokens, depth }: { tokens: readonly Token[] | undefined; depth: number }): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: the tokens of one block have no other name.
  return tokens?.map((token, at) => <Shown key={at} token={token} depth={depth + 1} />);
}

function Shown({ token, depth }: { token: Token; depth: number }): ReactNode {
  if (depth > maxDepth) return token.raw;
  // Every token of the lexer is a MarkedToken but those of extensions, of which there are none, and `plain`.
  const known = token as MarkedToken;
  const inside = 'tokens' in known ? <All tokens={known.tokens} depth={depth} /> : undefined;
  switch (known.type) {
    case 'space':
    case 'def':
      return null;
    case 'paragraph':
      return <p>{inside}</p>;
    case 'heading':
      return <Heading depth={known.depth}>{inside}</Heading>;
    case 'blockquote':
      return <blockquote>{inside}</blockquote>;
    case 'hr':
      return <hr />;
    case 'code':
      return <CodeBlock code={known} isOpen={false} />;
    case 'list':
      return <List list={known} depth={depth} />;
    case 'list_item':
      return <li>{inside}</li>;
    case 'checkbox':
      return known.checked ? '☑ ' : '☐ ';
    case 'table':
      return <Table table={known} depth={depth} />;
    case 'strong':
      return <strong>{inside}</strong>;
    case 'em':
      return <em>{inside}</em>;
    case 'del':
      return <del>{inside}</del>;
    case 'br':
      return <br />;
    case 'codespan':
      return <code>{known.text}</code>;
    case 'link':
      return <Link href={known.href}>{inside}</Link>;
    case 'image':
      return <Link href={known.href}>{`image: ${decodeEntities(known.text) || known.href}`}</Link>;
    case 'text':
      return inside ?? decodeEntities(known.text);
    case 'escape':
      return known.text;
    case 'html':
      return known.block ? <p className="as-written">{known.raw}</p> : known.raw;
    default:
      return <p className="as-written piece">{token.raw}</p>;
  }
}

/** An answer is part of the page: its headings stand below the page's own. */
function Heading({ depth, children }: { depth: number; children: ReactNode }): ReactNode {
  const Tag = depth <= 1 ? 'h3' : depth === 2 ? 'h4' : depth === 3 ? 'h5' : 'h6';
  return <Tag>{children}</Tag>;
}

function Link({ href, children }: { href: string; children: ReactNode }): ReactNode {
  const address = safeLink(href);
  if (address === undefined) return <span>{children}</span>;
  return (
    <a href={address} target="_blank" rel="noopener noreferrer nofollow" title={address}>
      {children}
    </a>
  );
}

function List({ list, depth }: { list: Tokens.List; depth: number }): ReactNode {
  const shown = useGrowing(list.items.length);
  const items = <All tokens={list.items.slice(0, shown)} depth={depth} />;
  if (!list.ordered) return <ul>{items}</ul>;
  return <ol start={typeof list.start === 'number' ? list.start : 1}>{items}</ol>;
}

/** A browser lays out all rows of a table together. */
const rowsAtOnce = 200;

function Table({ table, depth }: { table: Tokens.Table; depth: number }): ReactNode {
  const [shown, setShown] = useState(rowsAtOnce);
  const left = table.rows.length - shown;
  const cell = ({ tokens, align, header }: Tokens.TableCell, at: number): ReactNode => {
    const Tag = header ? 'th' : 'td';
    return (
      <Tag key={at} style={align === null ? undefined : { textAlign: align }}>
        <All tokens={tokens} depth={depth} />
      </Tag>
    );
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls, also by keyboard.
    <section className="scrolled" tabIndex={0} aria-label="Table">
      <table>
        <thead>
          <tr>{table.header.map(cell)}</tr>
        </thead>
        <tbody>
          {table.rows.slice(0, shown).map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows are only appended.
            <tr key={at}>{row.map(cell)}</tr>
          ))}
        </tbody>
      </table>
      {left > 0 && (
        <button type="button" onClick={() => setShown(shown + 5 * rowsAtOnce)}>
          Show more of {left} further rows
        </button>
      )}
    </section>
  );
}

function CodeBlock({ code, isOpen }: { code: Tokens.Code; isOpen: boolean }): ReactNode {
  const { text, lang } = code;
  return (
    <figure className="code-block">
      <figcaption>
        <span>{lang?.split(/\s/, 1)[0] || 'code'}</span>
        <CopyButton text={text} />
      </figcaption>
      <CodeText text={text} language={codeLanguage(lang)} isComplete={!isOpen} />
    </figure>
  );
}
