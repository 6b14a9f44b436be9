import { useEffect, useState } from 'react';

type Checks = typeof import('./check-schema.ts');

/** The validator of schemas, once it is loaded. It is large, and few chats need it. */
export function useChecks(isNeeded = true): Checks | undefined {
  const [checks, setChecks] = useState<Checks>();
  useEffect(() => {
    if (!isNeeded || checks !== undefined) return;
    let isWanted = true;
    void import('./check-schema.ts').then(
      (loaded) => {
        if (isWanted) setChecks(loaded);
      },
      // Without it the server says what is wrong with a schema.
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [isNeeded, checks]);
  return checks;
}
