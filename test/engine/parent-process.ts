import { ask, startTestEngine } from './ask.ts';

/** Started by parent.test.ts: keeps an engine busy and prints the id of its process. */
const [file = ''] = process.argv.slice(2);
const { engine, pid } = await startTestEngine({ file, sequences: 2 });
let told = false;
for (;;) {
  await ask(engine, 'on and on', {
    onText() {
      if (!told) console.log(pid());
      told = true;
    },
  });
}
