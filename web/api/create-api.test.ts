// The API on a real store with a small intrusion in it: what is asked over HTTP, and what is refused.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { createApi } from './create-api.ts';
import { fillStory, STORY } from './story.fixture.ts';
import type {
  Chain,
  ChainSummary,
  FindingMark,
  Lane,
  Overview,
  RawRecord,
  TimelineEvents,
  TimelineLinks,
} from './types.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-api-'));
let store: Store;
let api: ReturnType<typeof createApi>;
const said: string[] = [];

beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test of the API');
  api = createApi({
    store,
    now: () => new Date('2026-11-24T00:00:00Z'),
    pageDirectory: undefined,
    say: (text) => said.push(text),
  });
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const request = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  api.request(`http://127.0.0.1:8420${path}`, { method, headers: { host: '127.0.0.1:8420', ...headers } });
const get = async <T>(path: string): Promise<T> => {
  const response = await request(`/api/v1/${path}`);
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as T;
};

describe('an empty store', () => {
  it('is answered as empty, not as an error', async () => {
    expect(await get<Overview>('overview')).toMatchObject({ records: 0, range: null, chains: 0, clusters: [] });
    expect(await get<Lane[]>('timeline/lanes')).toEqual([]);
    expect(await get<ChainSummary[]>('chains')).toEqual([]);
    expect(await get<FindingMark[]>('findings')).toEqual([]);
  });
});

describe('a store with a story', () => {
  beforeAll(() => fillStory(store));

  it('says what it holds', async () => {
    const overview = await get<Overview>('overview');
    expect(overview).toMatchObject({
      records: 4,
      clusters: ['shop'],
      chains: 1,
      layers: { 'k8s-audit': 1, runtime: 1, auditd: STORY.noise + 2 },
      findings: { high: 1 },
    });
    const { histogram } = overview;
    expect(histogram.auditd.reduce((sum, n) => sum + n, 0)).toBe(STORY.noise + 2);
  });

  it('gives a chain in the shape of the command line', async () => {
    const [summary] = await get<ChainSummary[]>('chains');
    expect(summary).toMatchObject({ id: 'c1', severity: 'critical', step_count: 2 });
    const chain = await get<Chain>('chains/c1');
    expect(chain.steps.map((step) => step.n)).toEqual([1, 2]);
    expect(chain.members.map((member) => member.digest)).toContain(STORY.shell.digest);
    expect((await request('/api/v1/chains/nothing')).status).toBe(404);
  });

  it('puts lanes of the chain first', async () => {
    const lanes = await get<Lane[]>('timeline/lanes');
    expect(lanes[0]).toMatchObject({ id: 'pod:shop/u-web', namespace: 'shop', name: 'web-1', chains: ['c1'] });
    expect(lanes[0]?.containers).toMatchObject([{ name: 'web', to: null }]);
    expect(lanes.map((lane) => lane.kind)).toEqual(['pod', 'api', 'node']);
    expect(await get<Lane[]>('timeline/lanes?cluster=elsewhere')).toEqual([]);
  });

  it('shows events one by one while they fit, and counts of the crowded tracks when not', async () => {
    const window = `timeline/events?from=${STORY.from}&to=${STORY.to}`;
    const all = await get<TimelineEvents>(window);
    expect([all.events.length, all.counted.length]).toEqual([STORY.noise + 4, 0]);
    const few = await get<TimelineEvents>(`${window}&limit=10&bins=50`);
    expect(few.events.map((event) => event.lane).sort()).toEqual([
      'api:shop',
      'pod:shop/u-web',
      'pod:shop/u-web',
      'pod:shop/u-web',
    ]);
    expect(few.counted.flatMap((track) => track.counts).reduce((sum, n) => sum + n, 0)).toBe(STORY.noise);
    expect(few.total).toBe(STORY.noise + 4);
    const one = await get<TimelineEvents>(`${window}&lane=${encodeURIComponent('api:shop')}`);
    expect(one.events.map((event) => event.action)).toEqual(['create pods']);
  });

  it('resolves links to places', async () => {
    const { marks, links } = await get<TimelineLinks>('timeline/links?chain=c1');
    expect(marks.map((mark) => [mark.lane, mark.step])).toEqual([
      ['pod:shop/u-web', 1],
      ['api:shop', 2],
    ]);
    expect(links[0]).toMatchObject({
      kind: 'api-request',
      start: { lane: 'pod:shop/u-web', layer: 'auditd' },
      end: { lane: 'api:shop', layer: 'k8s-audit' },
    });
  });

  it('gives the bytes of a record as they were received, and writes down that it did', async () => {
    const record = await get<RawRecord>(`records/${STORY.shell.digest}`);
    expect(record.raw).toBe(STORY.shell.raw);
    expect(record.receipts).toHaveLength(1);
    const binary = await get<RawRecord>(`records/${STORY.binary.digest}`);
    expect(binary.raw).toBeNull();
    expect(Buffer.from(binary.raw_base64 ?? '', 'base64')).toEqual(STORY.binary.bytes);
    const custody = await store.rows('SELECT action, subject, at FROM custody ORDER BY subject');
    expect(custody.map((row) => row['subject']).sort()).toEqual([STORY.binary.digest, STORY.shell.digest].sort());
    expect((await request(`/api/v1/records/${'0'.repeat(64)}`)).status).toBe(404);
  });
});

describe('what is refused', () => {
  it('is a request under another name (DNS rebinding) and anything but reading', async () => {
    expect((await request('/api/v1/overview', { host: 'evil.example' })).status).toBe(403);
    expect((await request('/api/v1/overview', { host: '127.0.0.1.evil.example:8420' })).status).toBe(403);
    expect((await request('/api/v1/overview', { host: '' })).status).toBe(403);
    expect((await request('/api/v1/overview', { host: 'localhost:1' })).status).toBe(200);
    expect((await request('/api/v1/overview', {}, 'POST')).status).toBe(405);
  });

  it('is a parameter that makes no sense, with words and without touching the store', async () => {
    for (const path of [
      'timeline/events',
      'timeline/events?from=5&to=4',
      'timeline/events?from=x&to=4',
      'timeline/events?from=1&to=4&limit=1000000',
      'records/zz',
      `records/${encodeURIComponent("' OR 1=1 --")}`,
    ]) {
      const response = await request(`/api/v1/${path}`);
      expect(response.status, path).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: 'bad-request' } });
    }
    expect(said).toEqual([]);
  });

  it('is an unknown route, as JSON', async () => {
    const response = await request('/api/v1/../../etc/passwd');
    expect(response.status).toBe(404);
  });
});

it('answers with headers that keep other pages and scripts out', async () => {
  const { headers } = await request('/api/v1/overview');
  expect(headers.get('content-security-policy')).toContain("default-src 'self'");
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('access-control-allow-origin')).toBeNull();
});
