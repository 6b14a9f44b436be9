import { useEffect, useState } from 'react';
import type { Connection } from '../../api/connection.ts';
import { parsed } from '../../api/json.ts';
import { type LabSetting, settingsIn } from './lab-api.ts';

/** What this key may use of the server's fault lab; nothing where the server has none. */
export function useLabSettings(connection: Connection): readonly LabSetting[] {
  const [settings, setSettings] = useState<readonly LabSetting[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    async function look(): Promise<void> {
      const asked = await connection.ask('/v1/fault-lab', { signal: abort.signal });
      if (asked.ok) setSettings(settingsIn(parsed(await asked.value.text())));
    }
    look().catch(() => {
      // The page was left meanwhile.
    });
    return () => abort.abort();
  }, [connection]);
  return settings;
}
