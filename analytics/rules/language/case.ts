// The cases of a rule as its file writes them, to records and what entities would know. A case is one event or a list of
// steps of any layer, each a Kubernetes event (a map), a record as received, or a short form of an audit record.
import { z } from 'zod';
import { wholeEvent } from './case-event.ts';
import { MadeRecord, madeRecord } from './made-records.ts';
import type { CaseContext, CaseStep, RuleCase } from './rule.ts';

const Side = z.strictObject({
  exe: z.string().optional(),
  argv: z.array(z.coerce.string()).optional(),
  uid: z.int().min(0).optional(),
});

const Known = z.strictObject({
  container: z
    .strictObject({
      namespace: z.string().optional(),
      pod: z.string().optional(),
      name: z.string().optional(),
      image: z.string().optional(),
      image_digest: z.string().optional(),
      privileged: z.boolean().optional(),
      mounts: z.array(z.string()).optional(),
      args: z.array(z.coerce.string()).optional(),
    })
    .optional(),
  process: Side.optional(),
  parent: Side.optional(),
  /** A name for the process, by which another step calls its parent. */
  key: z.string().optional(),
  parent_key: z.string().optional(),
  session: z.boolean().optional(),
});

/** Something new, as analytics/baselines would tell it. */
const Novelty = z.strictObject({
  kind: z.string(),
  value: z.string(),
  subject: z.string().default('shop/Deployment/web/web'),
  subject_kind: z.enum(['workload', 'session', 'image', 'node', 'principal']).default('workload'),
  layer: z.enum(['auditd', 'k8s-audit', 'runtime']).default('auditd'),
  score: z.number().default(10),
  reason: z.enum(['own', 'alike', 'rejected']).default('own'),
  of_rollout: z.boolean().default(false),
  container: z.string().default(''),
  principal: z.string().default(''),
  /** Seconds after the first. */
  at: z.number().min(0).default(0),
});
export type Novelty = z.infer<typeof Novelty>;

const Event = z.record(z.string(), z.unknown());
const Written = MadeRecord.extend({
  /** A Kubernetes event as a map, as far as it matters (case-event.ts). */
  event: Event.optional(),
  /** As received. */
  record: z.string().optional(),
});
type Written = z.infer<typeof Written>;

/** One step of a case; what it says of its process and container stands instead of what the case says. */
const Step = Written.extend(Known.shape).extend({
  /** Seconds after the first; one after another where nothing is said. */
  at: z.number().min(0).optional(),
  /** Happens on the node, in no container. */
  on_node: z.boolean().default(false),
});

export const Case = Written.extend(Known.shape).extend({
  name: z.string(),
  events: z.array(Event).optional(),
  records: z.array(z.string()).optional(),
  steps: z.array(Step).optional(),
  /** Lists that hold in the cluster of the case: indicators, as a list has them; where images may come from. */
  indicators: z.array(z.string()).optional(),
  allowed_images: z.array(z.string()).optional(),
  /** Pods of the cluster that the case speaks of. */
  pods: z
    .array(
      z.strictObject({
        namespace: z.string(),
        pod: z.string(),
        uid: z.string().optional(),
        node: z.string().optional(),
        ips: z.array(z.string()).optional(),
        privileged: z.boolean().optional(),
        host_paths: z.array(z.string()).optional(),
        /** When somebody last changed its workload. */
        deployed_at: z.string().optional(),
        workload_kind: z.string().optional(),
        workload_name: z.string().optional(),
      }),
    )
    .optional(),
  novelties: z.array(Novelty).optional(),
  /** What is known to be missing: from `at` on, as steps have it, for `seconds`. */
  gaps: z
    .array(
      z.strictObject({
        at: z.number().min(0),
        seconds: z.number().min(0).default(60),
        source: z.string().default('auditd'),
        kind: z.string(),
        missing: z.int().default(-1),
      }),
    )
    .default([]),
});

export function caseOf({
  name,
  events,
  records,
  steps,
  pods,
  gaps,
  novelties = [],
  indicators,
  allowed_images,
  ...rest
}: z.infer<typeof Case>): RuleCase {
  const { container, process, parent, key, parent_key, session, ...written } = rest;
  const context = { container, process, parent, key, parent_key, session } as CaseContext;
  const alone = [
    ...[written, ...(events ?? []).map((event) => ({ event })), ...(records ?? []).map((record) => ({ record }))],
  ];
  const all: CaseStep[] = alone.flatMap((one, n) => stepOf(one, context, { serial: n + 1, atS: n }));
  for (const [n, step] of (steps ?? []).entries()) all.push(...stepsOf(step, context, n));
  return {
    ...{ name, steps: all, pods: (pods ?? []) as RuleCase['pods'], gaps, novelties },
    ...{ indicators: indicators ?? [], allowedImages: allowed_images ?? [] },
  };
}

function stepsOf({ at, on_node, ...step }: z.infer<typeof Step>, context: CaseContext, n: number): CaseStep[] {
  const { container, process, parent, key, parent_key, session, ...written } = step;
  const said = Object.fromEntries(
    Object.entries({ container, process, parent, key, parent_key, session }).filter(([, value]) => value !== undefined),
  );
  const known = { ...context, ...said } as CaseContext;
  if (on_node) delete (known as { container?: unknown }).container;
  return stepOf(written, known, { serial: n + 1, atS: at ?? n });
}

interface Place {
  serial: number;
  atS: number;
}

function stepOf({ event, record, ...made }: Partial<Written>, context: CaseContext, place: Place): CaseStep[] {
  const text = event
    ? JSON.stringify(wholeEvent(event, place))
    : (record?.trimEnd() ?? madeRecord(made, place.serial, place.atS));
  return text === undefined ? [] : [{ record: text, context }];
}
