// One container's life on one page: what is known of it, what was done in it, and what is known to be missing of that time.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { TokenUseRow, tokenUsesSql } from './actor-rows.ts';
import { type ContainerKey, type ContainerLife, readContainer } from './container.ts';
import { type ContainerActivity, readActivity } from './container-activity.ts';
import { type Gap, listGaps } from './gaps.ts';

/** Lists are bounded (LIST_MAX); `truncated` names those that hold more. */
export interface ContainerPage extends ContainerLife, ContainerActivity {
  /** That overlap its life: of its node, and of the API server. */
  gaps: Gap[];
  /** Credentials of its pod used where they do not belong, and others' used from it. */
  token_uses: TokenUseRow[];
}

// What a person reads; the dossier holds more.
const LIST_MAX = 1_000;
const GAPS_MAX = 100;
const OF_POD = "{uid:String} != '' AND (t.pod_uid = {uid:String} OR t.found_pod_uid = {uid:String})";

/** Undefined: no such container. */
export async function readContainerPage(store: Store, key: ContainerKey): Promise<ContainerPage | undefined> {
  const life = await readContainer(store, key);
  if (life === undefined) return undefined;
  const uses = await store.rows(tokenUsesSql(OF_POD), { cluster: life.cluster, uid: life.pod_uid });
  return {
    ...life,
    ...(await readActivity(store, life, LIST_MAX)),
    gaps: await gapsOf(store, life),
    token_uses: z.array(TokenUseRow).parse(uses),
  };
}

async function gapsOf(store: Store, life: ContainerLife): Promise<Gap[]> {
  const gaps: Gap[] = [];
  const during = {
    since: life.created_at ?? life.started_at ?? life.first_seen ?? undefined,
    until: life.removed_at ?? life.ended_at ?? undefined,
  };
  const of = { cluster: life.cluster, nodes: [life.node, ''], limit: GAPS_MAX };
  for await (const gap of listGaps(store, { ...during, ...of })) gaps.push(gap);
  return gaps.reverse();
}
