// The envelope of a record (section 3 of the design) as a collector writes it, and as text: JSON, in a frame of the spool and beside a message in
// Kafka. It is read a hundred times more often than it changes: two records of a log differ in two numbers, when and where. So what was read
// of one text holds for others that are the same but for those numbers.
import { z } from 'zod';

/** What a record was read from, or `collector` for what a collector says of itself (ingest/collect/notices.ts). */
export const COLLECTED_SOURCES = ['k8s-audit', 'auditd', 'runtime', 'collector'] as const;
export type CollectedSource = (typeof COLLECTED_SOURCES)[number];

export const RecordMeta = z.object({
  source: z.enum(COLLECTED_SOURCES),
  cluster: z.string(),
  /** Empty for k8s-audit. */
  node: z.string(),
  collector: z.string(),
  boot_id: z.string(),
  /** When the collector had the bytes, microseconds since 1970. */
  received_at: z.number().int().nonnegative(),
  /** File, socket or endpoint the bytes came from. */
  stream: z.string(),
  /** Where in the stream: an offset in bytes, else a count. */
  position: z.number().int().nonnegative(),
  /** Lines of the source in the record. */
  lines: z.number().int().nonnegative(),
  /** May be shared with other records. */
  attrs: z.record(z.string(), z.string()).readonly(),
});
export type RecordMeta = z.infer<typeof RecordMeta>;

const TIME = '"received_at":';
const POSITION = '"position":';
// Logs of a node, containers of a busy one: each some kilobyte.
const KNOWN_MAX = 1_000;

/** How texts begin that are alike up to their second number, and what they say, by what follows it. */
interface Beginning {
  /** Texts and keys are bytes as latin1 has them: compared so they take a third of a loop over bytes. */
  before: string;
  between: string;
  metas: Map<string, RecordMeta>;
}

const beginnings = new Map<string, Beginning>();
let metasKnown = 0;
// neighbours are mostly alike
let last: Beginning | undefined;

/** What a text says: its two numbers, and all the rest in an object that others like it share. That one's own two numbers mean nothing. */
export interface MetaRead {
  like: RecordMeta;
  receivedAtUs: number;
  position: number;
}

/** Undefined for what is no envelope. */
export function readRecordMeta(bytes: Buffer, from = 0, to = bytes.length): RecordMeta | undefined {
  const read = {} as MetaRead;
  if (!readMeta(bytes, from, to, read)) return undefined;
  return { ...read.like, received_at: read.receivedAtUs, position: read.position };
}

/** Without an object of its own for each; false for what is no envelope. */
export function readMeta(bytes: Buffer, from: number, to: number, into: MetaRead): boolean {
  if (last !== undefined && readAlike(bytes, from, to, last, into)) return true;
  const text = bytes.toString('utf8', from, to);
  const [timeFrom, timeTo] = numberIn(text, endOf(TIME, text, 0));
  const [positionFrom, positionTo] = numberIn(text, timeTo === -1 ? -1 : endOf(POSITION, text, timeTo));
  if (positionTo === -1) return readAlone(text, into);
  const parts = [text.slice(0, timeFrom), text.slice(timeTo, positionFrom), text.slice(positionTo)] as const;
  const like = learn(...parts);
  if (like === undefined) return readAlone(text, into);
  into.like = like;
  into.receivedAtUs = Number(text.slice(timeFrom, timeTo));
  into.position = Number(text.slice(positionFrom, positionTo));
  return true;
}

function readAlike(
  bytes: Buffer,
  from: number,
  to: number,
  { before, between, metas }: Beginning,
  into: MetaRead,
): boolean {
  if (!stands(before, bytes, from)) return false;
  const timeFrom = from + before.length;
  const timeTo = digitsEnd(bytes, timeFrom, to);
  if (!stands(between, bytes, timeTo)) return false;
  const positionFrom = timeTo + between.length;
  const positionTo = digitsEnd(bytes, positionFrom, to);
  const time = numberOf(bytes, timeFrom, timeTo);
  const position = numberOf(bytes, positionFrom, positionTo);
  if (time === -1 || position === -1) return false;
  const like = metas.get(bytes.toString('latin1', positionTo, to));
  if (like === undefined) return false;
  into.like = like;
  into.receivedAtUs = time;
  into.position = position;
  return true;
}

/** Undefined where the numbers are not those of the envelope. */
function learn(before: string, between: string, after: string): RecordMeta | undefined {
  // no text has this sign: JSON escapes it
  const name = `${before}\0${between}`;
  const key = bytesOf(after);
  const known = beginnings.get(name)?.metas.get(key);
  if (known === undefined) {
    // Where other digits stand, other numbers are read, and nothing else is: so these are the two numbers, whatever strings and attributes
    // there are around them.
    const [one, two] = [parse(`${before}1${between}2${after}`), parse(`${before}3${between}4${after}`)];
    if (one?.received_at !== 1 || one.position !== 2 || two?.received_at !== 3 || two.position !== 4) return undefined;
    if (metasKnown++ >= KNOWN_MAX) {
      beginnings.clear();
      metasKnown = 1;
    }
    const beginning = beginnings.get(name) ?? {
      ...{ before: bytesOf(before), between: bytesOf(between), metas: new Map<string, RecordMeta>() },
    };
    beginnings.set(name, beginning);
    beginning.metas.set(key, one);
  }
  last = beginnings.get(name);
  return last?.metas.get(key);
}

function readAlone(text: string, into: MetaRead): boolean {
  const meta = parse(text);
  if (meta === undefined) return false;
  into.like = meta;
  into.receivedAtUs = meta.received_at;
  into.position = meta.position;
  return true;
}

function parse(text: string): RecordMeta | undefined {
  try {
    return RecordMeta.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');

const stands = (text: string, bytes: Buffer, at: number): boolean =>
  bytes.toString('latin1', at, at + text.length) === text;

const ZERO = 0x30;
const NINE = 0x39;

/** Where a name ends that is looked for from `at` on; -1 where it is not. */
function endOf(name: string, text: string, at: number): number {
  const found = text.indexOf(name, at);
  return found === -1 ? -1 : found + name.length;
}

/** Where a number stands; -1 and -1 where none is, as JSON has whole numbers, or one that is more than a number holds. */
function numberIn(text: string, from: number): [from: number, to: number] {
  if (from === -1) return [-1, -1];
  let to = from;
  while (text.charCodeAt(to) >= ZERO && text.charCodeAt(to) <= NINE) to++;
  return numberOf(Buffer.from(text.slice(from, to), 'latin1'), 0, to - from) === -1 ? [-1, -1] : [from, to];
}

function digitsEnd(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at++;
  return at;
}

/** -1 where the digits are no whole number of JSON, or more than a number holds. */
function numberOf(bytes: Buffer, from: number, to: number): number {
  if (to === from || (bytes[from] === ZERO && to > from + 1)) return -1;
  let value = 0;
  for (let at = from; at < to; at++) value = value * 10 + ((bytes[at] as number) - ZERO);
  return value > Number.MAX_SAFE_INTEGER ? -1 : value;
}
