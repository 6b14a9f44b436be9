import { serveTasks } from '../../worker/serve-tasks.ts';
import { createTemplateWork } from './template-work.ts';

/* The thread on which chat templates are opened and rendered. */

serveTasks(createTemplateWork());
