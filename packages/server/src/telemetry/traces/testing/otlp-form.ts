import * as z from 'zod';

/*
 * `ExportTraceServiceRequest` in OTLP's JSON form, as opentelemetry-proto 1.x has it (trace/v1/trace.proto, common/v1/common.proto), and
 * strict: a collector ignores a member that it does not know, and so would lose what is written under a wrong name. Ids are hexadecimal, numbers of
 * 64 bits are texts, enumerations are numbers.
 */

const uint64 = z.string().regex(/^\d{1,20}$/);
const traceId = z.string().regex(/^(?!0+$)[0-9a-f]{32}$/);
const spanId = z.string().regex(/^(?!0+$)[0-9a-f]{16}$/);
const flags = z.int().min(0).max(0xffffffff);

const scalar = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: z.string().regex(/^-?\d{1,19}$/) }),
  z.strictObject({ doubleValue: z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]) }),
]);
const anyValue = z.union([
  scalar,
  z.strictObject({ arrayValue: z.strictObject({ values: z.array(scalar) }) }),
]);
/** Keys are unique: what a collector does with two of a name is not defined. */
const attributes = z
  .array(z.strictObject({ key: z.string().min(1), value: anyValue }))
  .refine((all) => new Set(all.map(({ key }) => key)).size === all.length, 'two attributes of one name');

const span = z.strictObject({
  traceId,
  spanId,
  traceState: z.string().optional(),
  parentSpanId: spanId.optional(),
  flags,
  name: z.string().min(1),
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: z.int().min(1).max(5),
  startTimeUnixNano: uint64,
  endTimeUnixNano: uint64,
  attributes,
  links: z.array(z.strictObject({ traceId, spanId, flags: flags.optional() })).optional(),
  /** 0 unset, 1 ok, 2 error. */
  status: z.strictObject({ code: z.int().min(0).max(2).optional(), message: z.string().optional() }),
});

const request = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes }).optional(),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string(), version: z.string().optional() }).optional(),
          spans: z.array(span),
        }),
      ),
    }),
  ),
});

/** Throws where a value is not in this form. */
export function readOtlp(value: unknown): unknown {
  return request.parse(value);
}
