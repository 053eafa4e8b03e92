// Rules over events of odd shapes: what has no column is read from the bytes, out of their envelope where they came in one; what is larger
// than its source writes can be asked for.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRules } from '../analytics/rules/language/parse.ts';
import type { EventRule } from '../analytics/rules/language/rule.ts';
import { scan } from '../analytics/rules/run/scan.ts';
import { auditd } from '../analytics/rules/sources/auditd.ts';
import { k8sAudit } from '../analytics/rules/sources/k8s-audit.ts';
import { connect } from '../analytics/store/connect.ts';
import type { Store } from '../analytics/store/store.ts';
import { importPaths } from '../ingest/import.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-scan-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${join(directory, 'store')}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const rule = `
title: Pod with a toleration for every taint
id: 11111111-1111-4111-8111-111111111111
logsource: { product: kubernetes, service: audit }
detection:
  every: { requestObject.spec.tolerations.operator: Exists }
  condition: every
level: low
`;
const event = (auditID: string, operator: string) =>
  JSON.stringify({
    kind: 'Event',
    auditID,
    stage: 'ResponseComplete',
    verb: 'create',
    objectRef: { resource: 'pods' },
    requestObject: { kind: 'Pod', spec: { tolerations: [{ operator }] } },
    requestReceivedTimestamp: '2026-11-23T13:10:37.5Z',
  });

describe('a scan', () => {
  it('reads a field that has no column from plain events and from events of EKS, AKS and GKE', async () => {
    const body = (id: string, operator: string) =>
      (JSON.parse(event(id, operator)) as { requestObject: object }).requestObject;
    const gke = (id: string, operator: string) =>
      JSON.stringify({
        protoPayload: { serviceName: 'k8s.io', methodName: 'io.k8s.core.v1.pods.create', request: body(id, operator) },
        insertId: id,
        timestamp: '2026-11-23T13:10:37.5Z',
      });
    const shapes = {
      plain: event,
      eks: (id: string, operator: string) => JSON.stringify({ timestamp: 1, message: event(id, operator) }),
      aks: (id: string, operator: string) =>
        JSON.stringify({ category: 'kube-audit', properties: { log: event(id, operator) } }),
      gke,
    };
    const lines = Object.entries(shapes).flatMap(([name, shape]) => [
      shape(name, 'Exists'),
      shape(`${name}-not`, 'Equal'),
    ]);
    const path = join(directory, 'a.log');
    writeFileSync(path, `${lines.join('\n')}\n`);
    const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    expect(await importPaths([path], {}, deps)).toMatchObject({ records: 8, dead_letters: 0 });
    const rules = parseRules(rule, 'x.yml').rules as EventRule[];
    const hits: string[] = [];
    for await (const hit of scan(store, k8sAudit, rules)) hits.push(hit.event_key);
    expect(hits.sort()).toEqual(['aks', 'eks', 'gke', 'plain']);
  });

  it('finds what is larger than its source writes', async () => {
    const large = (id: string, bytes: number) =>
      JSON.stringify({
        kind: 'Event',
        auditID: id,
        stage: 'ResponseComplete',
        verb: 'create',
        annotations: { note: 'x'.repeat(bytes) },
        requestReceivedTimestamp: '2026-11-23T14:10:37.5Z',
      });
    const line = (serial: number, bytes: number) =>
      `type=CWD msg=audit(1795439390.632:${serial}): cwd="/${'x'.repeat(bytes)}"`;
    const events = join(directory, 'large.log');
    const lines = join(directory, 'large-audit.log');
    writeFileSync(events, `${large('too-large', 1 << 20)}\n${large('large', 900_000)}\n`);
    writeFileSync(lines, `${line(1, 20_000)}\n${line(2, 8_900)}\n`);
    const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    expect(await importPaths([events, lines], {}, deps)).toMatchObject({ records: 4, dead_letters: 0 });
    const asking = (logsource: string) =>
      parseRules(
        `title: Oversized\nid: 22222222-2222-4222-8222-222222222222\nlogsource: ${logsource}\ndetection: { large: { vestige.oversized: true }, condition: large }\nlevel: low\n`,
        'o.yml',
      ).rules as EventRule[];
    const hits: string[] = [];
    for await (const hit of scan(store, k8sAudit, asking('{ product: kubernetes, service: audit }')))
      hits.push(hit.event_key);
    for await (const hit of scan(store, auditd, asking('{ product: linux, service: auditd }')))
      hits.push(hit.event_key);
    expect(hits).toEqual(['too-large', '1795439390.632:1']);
  });
});
