import { type ReactNode, useState } from 'react';
import { type Connection, wholeText } from '../../api/connection.ts';
import type { PageFailure } from '../../api/failure.ts';
import { saveFile } from '../../elements/save-file.ts';

interface CsvButtonProps {
  readonly connection: Connection;
  readonly path: string;
  /** The name of the file. */
  readonly name: string;
  onFailure(failure: PageFailure | undefined): void;
}

/** Saves the rows as a file. A link could not carry the key of this tab, so the page asks and hands the answer to the browser. */
export function CsvButton({ connection, path, name, onFailure }: CsvButtonProps): ReactNode {
  const [isAsking, setIsAsking] = useState(false);
  const save = async (): Promise<void> => {
    setIsAsking(true);
    const asked = await connection.ask(path);
    const text = asked.ok ? await wholeText(asked.value, undefined) : asked;
    setIsAsking(false);
    onFailure(text.ok ? undefined : text.failure);
    if (text.ok) saveFile(name, 'text/csv', text.value);
  };
  return (
    <button type="button" disabled={isAsking} onClick={() => void save()}>
      Download CSV
    </button>
  );
}
