// Which events rules may concern, of a log source that has many: each rule is tried on the event by itself, before its records are
// fanned out and what is known of it is joined, with what that cannot tell taken as possible (compile.ts, mayPass). Words that are
// looked for in whole lines are then looked for in the bytes, before these are put together. What is left is tested in full
// (scan.ts): the sieve changes what a scan costs, never what it finds.
import { openScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import { type Find, mayPass, TRUE } from '../compile/compile.ts';
import type { EventRule } from '../language/rule.ts';
import { type Events, foundColumns, foundIn, type Haystacks, type Source } from '../sources/source.ts';

interface Sieve {
  /** Rules that events tell of, those that may concern few of them apart from the others. */
  readonly shares: readonly Concerned[];
  /** Rules that may concern any event, for all that one tells by itself. */
  readonly open: readonly EventRule[];
  close(): Promise<void>;
}

interface Concerned {
  rules: readonly EventRule[];
  /** SQL for event_key and serial of the events that some of the rules may concern. */
  among(some: readonly EventRule[]): string;
}

export type Sieved = Pick<Source, 'constraint'> & { readonly events: Events };

// Every rule is tested on what is left of any rule beside it: those that leave much stand apart.
const FEW_SHARE = 0.01;

// The engine's parser reads 256 KiB of a query by default.
const CONDITIONS_BYTES_MAX = 150_000;

/** `rules`: those that a look left for the event, by their place in the list. */
const COLUMNS =
  "(look Enum8('event' = 1, 'bytes' = 2), event_key String, serial UInt64, rules Array(UInt16)) ENGINE = Memory";

type Look = 'event' | 'bytes';

interface Tried {
  place: number;
  possible: string;
}

/** @param rows of the store, about */
export async function openSieve(
  store: Store,
  source: Sieved,
  rules: readonly EventRule[],
  { within, rows }: { within: string; rows: number },
): Promise<Sieve> {
  const { table, drop } = await openScratchTable(store, 'sieve', COLUMNS);
  try {
    const looks = await lookAtAll(store, table, source, rules, within);
    return { ...(await sharesOf(store, table, rules, looks, rows * FEW_SHARE)), close: drop };
  } catch (error) {
    await drop();
    throw error;
  }
}

/** For each rule the last look that told something of it. */
async function lookAtAll(
  store: Store,
  table: string,
  { events, constraint }: Sieved,
  rules: readonly EventRule[],
  within: string,
): Promise<Map<number, Look>> {
  const texts = createTexts();
  const told = telling(rules, (rule) => {
    const possible = mayPass(rule.condition, events.see, events.finds ? texts.find : undefined);
    const within = constraint(rule.logsource);
    return within === undefined ? possible : `(${within} AND ${possible})`;
  });
  const insert = (look: Look, sql: string) =>
    store.run(`INSERT INTO ${table} SELECT '${look}', event_key, serial, rules FROM (${sql})`, {}, 'background');
  for (const group of inGroups(told)) await insert('event', lookSql(events, group, texts.haystacks, within));
  const looks = new Map<number, Look>(told.map(({ place }) => [place, 'event']));
  const { bytes } = events;
  if (bytes === undefined) return looks;
  const toldByBytes = telling(rules, (rule) => mayPass(rule.condition, bytes.see));
  const among = (group: readonly Tried[]) =>
    `event_key IN (SELECT event_key FROM ${table} WHERE ${left('event', group)})`;
  for (const group of inGroups(toldByBytes.filter(({ place }) => looks.has(place))))
    await insert('bytes', lookSql(bytes, group, new Map(), among(group)));
  for (const group of inGroups(toldByBytes.filter(({ place }) => !looks.has(place))))
    await insert('bytes', lookSql(bytes, group, new Map(), '1'));
  for (const { place } of toldByBytes) looks.set(place, 'bytes');
  return looks;
}

async function sharesOf(
  store: Store,
  table: string,
  rules: readonly EventRule[],
  looks: ReadonlyMap<number, Look>,
  fewMost: number,
): Promise<Pick<Sieve, 'shares' | 'open'>> {
  const counts = new Map<string, number>();
  for (const row of await store.rows(
    `SELECT toString(look) AS look, arrayJoin(rules) AS place, count() AS events FROM ${table} GROUP BY look, place`,
  ))
    counts.set(`${row['look']} ${row['place']}`, Number(row['events']));
  const few: Told[] = [];
  const many: Told[] = [];
  for (const [place, rule] of rules.entries()) {
    const look = looks.get(place);
    const events = counts.get(`${look} ${place}`) ?? 0;
    if (look !== undefined && events > 0) (events <= fewMost ? few : many).push({ place, rule, look });
  }
  const open = rules.filter((_, place) => !looks.has(place));
  return { shares: [few, many].filter(({ length }) => length > 0).map((told) => concerned(table, told)), open };
}

interface Told {
  place: number;
  rule: EventRule;
  look: Look;
}

function concerned(table: string, told: readonly Told[]): Concerned {
  return {
    rules: told.map(({ rule }) => rule),
    among: (some) => {
      const own = told.filter(({ rule }) => some.includes(rule));
      const ofLook = (wanted: Look) =>
        left(
          wanted,
          own.filter(({ look }) => look === wanted),
        );
      return `SELECT event_key, serial FROM ${table} WHERE ${ofLook('event')} OR ${ofLook('bytes')}`;
    },
  };
}

const left = (look: Look, of: readonly { place: number }[]) =>
  `(look = '${look}' AND hasAny(rules, [${of.map(({ place }) => place).join(', ')}]::Array(UInt16)))`;

function telling(rules: readonly EventRule[], possibleFor: (rule: EventRule) => string): Tried[] {
  return rules
    .map((rule, place) => ({ place, possible: possibleFor(rule) }))
    .filter(({ possible }) => possible !== TRUE);
}

function lookSql(
  { key, from }: Omit<Events, 'bytes'>,
  group: readonly Tried[],
  haystacks: Haystacks,
  where: string,
): string {
  const rules = group.map(({ place, possible }) => `if(${possible}, ${place + 1}, 0)`).join(',\n');
  return `
SELECT event_key, serial, arrayMap(n -> n - 1, found) AS rules
FROM
(
    SELECT ${key}, arrayFilter(n -> n > 0, [${rules}]) AS found
    FROM (SELECT *${foundColumns(haystacks)} FROM ${from}) AS a
    WHERE ${where} AND notEmpty(found)
)`;
}

/** Texts that rules look for, so that one pass over each haystack finds those of all rules. */
function createTexts(): { find: Find; haystacks: Haystacks } {
  const haystacks = new Map<string, string[]>();
  return {
    find: (haystack, texts) => {
      const list = haystacks.get(haystack) ?? [];
      haystacks.set(haystack, list);
      const places = texts.map((text) => {
        const at = list.indexOf(text);
        return at >= 0 ? at + 1 : list.push(text);
      });
      const found = foundIn([...haystacks.keys()].indexOf(haystack));
      return places.length === 1 ? `has(${found}, ${places[0]})` : `hasAny(${found}, [${places.join(', ')}])`;
    },
    haystacks,
  };
}

function inGroups(tried: readonly Tried[]): Tried[][] {
  const groups: Tried[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const one of tried) {
    if (bytes + one.possible.length > CONDITIONS_BYTES_MAX) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(one);
    bytes += one.possible.length;
  }
  return groups;
}
