// The page and its API on one loopback address: routes under /api/v1, parameters checked, errors as JSON.
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { listChains, readChain } from '../../analytics/queries/chains.ts';
import type { Store } from '../../analytics/store/store.ts';
import { assembleLanes } from './assemble-lanes.ts';
import { guard, problem } from './guard.ts';
import { readPage } from './page.ts';
import { ChainId, Digest, EventsQuery, FindingsQuery, LanesQuery, LinksQuery } from './parameters.ts';
import { readChainMarks, readChainTouches } from './queries/chain-marks.ts';
import { readFindings } from './queries/findings.ts';
import { type LaneFilter, readActivity, readContainers, readPods } from './queries/lanes.ts';
import { readOverview } from './queries/overview.ts';
import { readTimelineEvents } from './queries/timeline-events.ts';
import { displayRecord } from './record.ts';
import { resolveLinks } from './resolve-links.ts';
import type { ChainSummary, Lane, TimelineLinks } from './types.ts';

interface ApiDependencies {
  store: Store;
  now: () => Date;
  /** Directory of the built page; undefined when it was not built. */
  pageDirectory: string | undefined;
  /** One line for the person at the terminal, when a request fails for a reason of ours. */
  say: (text: string) => void;
}

const ALL_TIME = { from: 0, to: 8_000_000_000_000, cluster: '' };
// a responder reads the first few; the rest is reached by the command line
const CHAINS_MAX = 200;
const FINDINGS_OF_LINKS_MAX = 5_000;

export function createApi({ store, now, pageDirectory, say }: ApiDependencies): Hono {
  const api = new Hono();
  api.use(guard);
  api.route('/api/v1', routes(store, now));
  api.all('/api/*', (context) => context.json(problem('not-found', `no such route: ${context.req.path}`), 404));
  addPage(api, pageDirectory);
  api.onError((error, context) => {
    if (error instanceof z.ZodError) return context.json(problem('bad-request', inWords(error)), 400);
    say(`${context.req.path}: ${error.stack ?? error.message}`);
    return context.json(problem('failed', 'the store could not answer; the terminal of vestige says why'), 500);
  });
  return api;
}

function routes(store: Store, now: () => Date): Hono {
  const v1 = new Hono();
  v1.get('/overview', async (context) => context.json(await readOverview(store)));
  v1.get('/chains', async (context) => context.json(await readChains(store)));
  v1.get('/chains/:id', async (context) => {
    const id = ChainId.parse(context.req.param('id'));
    return found(context, await readChain(store, id), `no chain ${id}`);
  });
  v1.get('/findings', async (context) =>
    context.json(await readFindings(store, FindingsQuery.parse(context.req.query()))),
  );
  v1.get('/timeline/lanes', async (context) =>
    context.json(await readLanes(store, LanesQuery.parse(context.req.query()))),
  );
  v1.get('/timeline/events', async (context) => {
    const query = EventsQuery.parse({ ...context.req.query(), lane: context.req.queries('lane') ?? [] });
    const { lane: lanes, ...window } = query;
    return context.json(await readTimelineEvents(store, { ...window, lanes }));
  });
  v1.get('/timeline/links', async (context) => {
    const { chain } = LinksQuery.parse(context.req.query());
    return found(context, await readLinks(store, chain), `no chain ${chain}`);
  });
  v1.get('/records/:digest', async (context) => {
    const digest = Digest.parse(context.req.param('digest'));
    return found(context, await displayRecord(store, digest, now()), `no record ${digest}`);
  });
  return v1;
}

async function readChains(store: Store): Promise<ChainSummary[]> {
  const chains = await listChains(store, { limit: CHAINS_MAX });
  return chains.map(({ entities: _, steps, ...chain }) => ({ ...chain, step_count: steps.length }));
}

async function readLanes(store: Store, filter: LaneFilter): Promise<Lane[]> {
  const [pods, containers, activity, touches] = await Promise.all([
    readPods(store, filter),
    readContainers(store, filter),
    readActivity(store, filter),
    readChainTouches(store),
  ]);
  return assembleLanes({ pods, containers, activity, touches });
}

async function readLinks(store: Store, id: string): Promise<TimelineLinks | undefined> {
  const chain = await readChain(store, id);
  if (!chain) return undefined;
  const [marks, findings, pods, containers] = await Promise.all([
    readChainMarks(store, id),
    readFindings(store, { ...ALL_TIME, limit: FINDINGS_OF_LINKS_MAX }),
    readPods(store, ALL_TIME),
    readContainers(store, ALL_TIME),
  ]);
  const lanes = assembleLanes({ pods, containers, activity: [], touches: [] });
  const links = resolveLinks(chain.links, { marks, findings, lanes });
  return { marks: marks.map(({ node: _, process_key: __, container_id: ___, ...mark }) => mark), links };
}

function addPage(api: Hono, directory: string | undefined): void {
  if (!directory) {
    api.get('/', (context) => context.text('The page was not built. The API is under /api/v1/overview.\n'));
    return;
  }
  const files = readPage(directory);
  api.get('*', (context) => {
    const file = files.get(context.req.path);
    if (!file) return context.text('Not found\n', 404);
    context.header('cache-control', file.lasting ? 'public, max-age=31536000, immutable' : 'no-cache');
    return context.body(file.bytes, 200, { 'content-type': file.type });
  });
}

function found(context: Context, value: object | undefined, otherwise: string): Response {
  return value ? context.json(value) : context.json(problem('not-found', otherwise), 404);
}

function inWords(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')).join('; ');
}
