import { serveTasks } from '../worker/serve-tasks.ts';
import { createAnswerValidator } from './validate-answer.ts';

/* The thread on which schemas are compiled and answers validated. Each task gets one finding. */

const validate = createAnswerValidator();
// Compiles what every schema needs, so that the first task is not charged for it.
validate({ schema: '{}', keyId: '' });
serveTasks(validate);
