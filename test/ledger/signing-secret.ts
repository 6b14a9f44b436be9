import { openStoreReader } from '../../packages/server/src/storage/open-store.ts';

/** The secret that signs addresses of streams, as a store has it now. */
export async function signingSecretOf(place: {
  readonly dataDir: string;
  readonly databaseUrl?: string;
}): Promise<string> {
  const opened = await openStoreReader({ ...place, now: Date.now });
  if (!opened.ok) throw new Error(opened.message);
  const { signingSecret } = await opened.reader.keysAfter(0);
  await opened.reader.close();
  if (signingSecret === undefined) throw new Error('the store has no signing secret');
  return signingSecret;
}
