import { serveTasks } from '../worker/serve-tasks.ts';
import { createAnswerJudge } from './judge-answer.ts';

/* The thread on which schemas are compiled and answers judged, each with one finding. */

const judge = createAnswerJudge();
// Compiles what every schema needs, so that the first one is not charged for it.
judge({ schema: '{}', keyId: '' });
serveTasks(judge);
