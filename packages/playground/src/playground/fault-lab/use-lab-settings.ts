import { useEffect, useState } from 'react';
import { askJson } from '../../api/ask-json.ts';
import type { Connection } from '../../api/connection.ts';
import { type LabSetting, settingsIn } from './lab-api.ts';

/** What this key may use of the server's fault lab; nothing where the server has none. */
export function useLabSettings(connection: Connection): readonly LabSetting[] {
  const [settings, setSettings] = useState<readonly LabSetting[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    async function look(): Promise<void> {
      const asked = await askJson(connection, '/v1/fault-lab', { signal: abort.signal });
      if (asked.ok) setSettings(settingsIn(asked.value));
    }
    look().catch(() => {
      // The page was left meanwhile.
    });
    return () => abort.abort();
  }, [connection]);
  return settings;
}
