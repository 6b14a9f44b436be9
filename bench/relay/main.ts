import { scaling } from '../scaling/main.ts';
import { gaps } from './gaps.ts';
import { idle } from './idle.ts';
import { readOptions, usage } from './options.ts';
import { relay } from './relay.ts';
import { requests } from './requests.ts';

/*
 * `npm run bench -- relay | gaps | requests | idle`: what relaying costs, beside nginx, in one run on one machine. Each
 * benchmark checks every answer and fails (exit 1) at the first that is not whole. See README.md. `scaling` computes what a fleet
 * needs from what was measured: bench/scaling/README.md.
 */

async function main(): Promise<void> {
  const [first, ...rest] = process.argv.slice(2);
  if (first === 'scaling') return scaling(rest);
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(usage);
    return;
  }
  switch (options.benchmark) {
    case 'relay':
      return relay(options);
    case 'requests':
      return requests(options);
    case 'idle':
      return idle(options);
    case 'gaps':
      return gaps(options);
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
