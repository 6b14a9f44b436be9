import { createContext, type ReactNode, useContext, useMemo } from 'react';
import type { Connection, ServedModel } from '../api/connection.ts';
import { type AnswerRecord, readRecord } from '../api/record.ts';

/** What the figures of an answer are compared with: the models, and where the sender may read them, the records of the server. */
export interface Instruments {
  model(id: string | undefined): ServedModel | undefined;
  /** Absent for a key that may not read records. */
  readonly record?: (completionId: string) => Promise<AnswerRecord | undefined>;
}

const Shared = createContext<Instruments>({ model: () => undefined });

interface InstrumentsProps {
  readonly models: readonly ServedModel[];
  readonly connection: Connection;
  readonly mayReadRecords: boolean;
  readonly children: ReactNode;
}

export function WithInstruments({
  models,
  connection,
  mayReadRecords,
  children,
}: InstrumentsProps): ReactNode {
  const instruments = useMemo<Instruments>(() => {
    const byId = new Map(models.map((model) => [model.id, model]));
    return {
      model: (id) => byId.get(id ?? ''),
      ...(mayReadRecords ? { record: (completionId) => readRecord(connection, completionId) } : {}),
    };
  }, [models, connection, mayReadRecords]);
  return <Shared value={instruments}>{children}</Shared>;
}

export function useInstruments(): Instruments {
  return useContext(Shared);
}
