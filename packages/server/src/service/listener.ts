import { performance } from 'node:perf_hooks';
import type { HandleRequest } from '../app.ts';
import { createReportLimit } from '../http/report-limit.ts';
import { createHttpServer, type HttpServer } from '../http/server.ts';
import type { Log } from '../telemetry/log.ts';
import { answerWhileStarting } from './answer-while-starting.ts';

/** Connections that send no HTTP leave this many lines a minute in the log, however many connections there are. */
const malformedLinesPerMinute = 60;

/**
 * The HTTP server of this process. Until `handle()` gives a handler, each request is answered as by a server that
 * starts. The caller calls `destroy()`.
 */
export function createListener(
  handle: () => HandleRequest | undefined,
  { log, newRequestId }: { readonly log: Log; readonly newRequestId: () => string },
): HttpServer {
  const malformedReports = createReportLimit(malformedLinesPerMinute, () => performance.now());
  return createHttpServer(
    (request, response, expectsContinue) =>
      (handle() ?? answerWhileStarting)(request, response, expectsContinue),
    newRequestId,
    ({ requestId, status, reason }) => {
      const report = malformedReports();
      if (report === undefined) return;
      const fields = { request_id: requestId, status, reason, left_out: report.leftOut || undefined };
      log.info('malformed request', fields);
    },
  );
}
