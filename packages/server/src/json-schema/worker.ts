import { parentPort } from 'node:worker_threads';
import { createAnswerJudge } from './judge-answer.ts';
import type { FromWorker, SchemaTask } from './protocol.ts';

/*
 * The thread on which schemas are compiled and answers judged: one task after the other, each answered with one
 * finding. Whoever waits for it ends the thread when it takes too long.
 */

const judge = createAnswerJudge();
const send = (message: FromWorker): void => parentPort?.postMessage(message);

// Compiles what every schema needs, so that the first one is not charged for it.
judge({ schema: '{}' });
parentPort?.on('message', (task: SchemaTask) => send(judge(task)));
send({ type: 'ready' });
