/* Starts an instance, prints its folder, and waits for a signal that ends this process. */
import { startInstance } from '../instance.ts';
import { fakeKind } from './fake-kind.ts';

let folder = '';
await startInstance(
  fakeKind((place) => {
    folder = place.folder;
  }),
);
process.stdout.write(`${folder}\n`);
setInterval(() => {}, 60_000);
