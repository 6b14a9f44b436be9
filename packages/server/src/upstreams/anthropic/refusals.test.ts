import { describeRefusals } from '../http/refusal/refusals.suite.ts';
import { claudeModel } from './models.ts';
import { refusalOf } from './refusals.ts';
import { requestBody } from './request.ts';

describeRefusals(
  new URL('fixtures/refusals.json', import.meta.url),
  (request, model) => refusalOf(request, claudeModel(model)),
  (call) => requestBody(call, claudeModel(call.model)),
);
