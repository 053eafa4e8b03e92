// What is normal for a workload and for a principal, and what is new: facts by the hour, novelties, the state of every fact. Made anew from entities, findings
// and analysts' decisions; what processes did is kept by the minute before (entities/minutes). A pure function of these.
import { z } from 'zod';
import { ENTITY_SETTINGS } from '../entities/settings.ts';
import { forgetOlder } from '../store/derived.ts';
import { withScratchTable } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';
import behavioursApi from './behaviours-api.sql';
import behavioursAuditd from './behaviours-auditd.sql';
import behavioursImages from './behaviours-images.sql';
import containerSubjects from './container-subjects.sql';
import facts from './facts.sql';
import novelties from './novelties.sql';
import processFamily from './process-family.sql';
import processSubjects from './process-subjects.sql';
import states from './states.sql';

/**
 * How long a subject is watched before anything is called new: a day, the shortest round of work (backups, rotation of logs, reports). Others
 * take as much: Prisma Cloud and Kubescape learn a day, NeuVector's manual says some hours to some days.
 */
export const LEARNING_HOURS = 24;
/** What happened once weighs half after a week, the round of people's work: a weekly job keeps more than half. */
export const HALF_LIFE_DAYS = 7;
/** Of a day that shows a fact what is left after four half-lives, some month: less than that is forgotten. */
export const WEIGHT_MIN = 1 / 16;
/** Number of the way of learning: another way of telling facts, weights or scores is another number. */
export const MODEL = 1;

const number = z.coerce.number();

export interface BaselineCounts {
  /** Workloads, programs of nodes, principals. */
  subjects: number;
  /** Of these, how many were watched long enough to tell what is new. */
  learned: number;
  /** Facts that were new when they appeared. */
  novelties: number;
}

/** Needs entities and the findings of all rules but those over novelties, whose ids are `noveltyRules`. */
export async function buildBaselines(
  store: Store,
  version: number,
  noveltyRules: readonly string[],
): Promise<BaselineCounts> {
  const params = {
    version,
    novelty_rules: noveltyRules,
    learning_hours: LEARNING_HOURS,
    half_life: HALF_LIFE_DAYS,
    weight_min: WEIGHT_MIN,
    window_hours: Math.ceil(HALF_LIFE_DAYS * 24 * Math.log2(1 / WEIGHT_MIN)),
    model: MODEL,
  };
  const run = (sql: string) => store.run(`${sql} ${ENTITY_SETTINGS}`, params, 'background');
  await withScratchTable(store, 'container_subjects', CONTAINER_SUBJECTS, (containers) =>
    withScratchTable(store, 'family', FAMILY, (family) =>
      withScratchTable(store, 'process_subjects', PROCESS_SUBJECTS, async (processes) => {
        const tables = { containers, family, processes };
        await run(`INSERT INTO ${containers} ${containerSubjects}`);
        await run(`INSERT INTO ${family} ${processFamily}`);
        await fillProcessSubjects(store, run, tables);
        for (const select of [behavioursAuditd, behavioursApi, behavioursImages])
          await run(`INSERT INTO behaviours ${withTables(select, tables)}`);
      }),
    ),
  );
  await forgetOlder(store, 'behaviours', version);
  await withScratchTable(store, 'facts', FACTS, async (table) => {
    await run(`INSERT INTO ${table} ${facts}`);
    await run(`INSERT INTO novelties ${withTables(novelties, { facts: table })}`);
  });
  await forgetOlder(store, 'novelties', version);
  await run(`INSERT INTO baselines ${states}`);
  await forgetOlder(store, 'baselines', version);
  const [row] = await store.rows(
    `SELECT uniqExact(cluster, subject) AS subjects, uniqExactIf((cluster, subject), state IN ('learned', 'forgotten')) AS learned,
       (SELECT count() FROM novelties FINAL) AS novelties FROM baselines FINAL`,
    {},
    'background',
  );
  return z.object({ subjects: number, learned: number, novelties: number }).parse(row);
}

type Run = (sql: string) => Promise<void>;

const withTables = (sql: string, tables: Readonly<Record<string, string>>): string =>
  sql.replace(/\{(containers|facts|family|processes|tops)\}/g, (_, name: string) => tables[name] ?? '');

/** Parent, parent's parent, then four, eight, sixteen up: no tree of daemons is deeper. */
const DOUBLINGS = 4;

async function fillProcessSubjects(store: Store, run: Run, tables: { family: string; processes: string }) {
  await withScratchTable(store, 'tops', TOPS, async (tops) => {
    // of a parent that never made a call of its own nothing is known but its pid: the tree ends below it, as below pid 1
    await run(`INSERT INTO ${tops} SELECT 0, cluster, node, process_key, if(ppid <= 1 OR parent_program = '', process_key, parent_key)
      FROM ${tables.family} WHERE container_id = ''`);
    for (let step = 0; step < DOUBLINGS; step++) {
      const here = `(SELECT * FROM ${tops} WHERE step = ${step})`;
      await run(`INSERT INTO ${tops} SELECT ${step + 1}, a.cluster, a.node, a.process_key, if(b.top = '', a.top, b.top)
        FROM ${here} AS a LEFT ANY JOIN ${here} AS b ON a.cluster = b.cluster AND a.node = b.node AND a.top = b.process_key`);
    }
    await run(`INSERT INTO ${tables.processes} ${withTables(processSubjects, { ...tables, tops })}`);
  });
}

const CONTAINER_SUBJECTS = `(cluster String, node String, container_id String, subject String, subject_kind String, likeness String, image_version String,
  namespace String, pod String, pod_uid String) ENGINE = Memory`;
const PROCESS_SUBJECTS = `(cluster String, node String, process_key String, unit String, in_session UInt8, parent_program String) ENGINE = Memory`;
const FAMILY = `(cluster String, node String, process_key String, parent_key String, ppid Int64, container_id String, first_seen DateTime64(3, 'UTC'),
  program String, parent_program String) ENGINE = Memory`;
const TOPS = '(step UInt8, cluster String, node String, process_key String, top String) ENGINE = Memory';
const FACTS = `(cluster String, subject String, kind String, value String, subject_kind String, likeness String, layer String, decision String,
  hours Array(UInt32), first_learned UInt32, new_in Array(UInt32)) ENGINE = Memory`;
