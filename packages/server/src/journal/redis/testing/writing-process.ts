/*
 * A process of its own that writes one stream, an event each 50 ms, until it is killed: `node writing-process.ts URL ID`. It prints
 * a line when its stream has begun, and one for each call of its owner.
 */
import { factsOf } from '../../testing/stream-followers.ts';
import { openReplica, writerOf } from './redis-journals.ts';

const [url = '', id = ''] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const journal = await openReplica(url);
const writer = writerOf(await journal.begin(factsOf({ id })));
writer.own({
  readersCame: () => say('came'),
  readersLeft: () => say('left'),
  lost: () => say('lost'),
  fenced: () => say('fenced'),
});
writer.view.follow({
  own: true,
  more() {
    const { ending } = writer.view;
    if (ending !== undefined) say(`ended ${ending.type === 'torn' ? ending.failure.code : ending.type}`);
  },
});
writer.begin({});
say('begun');
let number = 0;
setInterval(() => {
  number += 1;
  writer.event(`{"n":${number}}`);
}, 50);
