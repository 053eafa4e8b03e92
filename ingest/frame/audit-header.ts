// The head of an auditd line, read byte by byte: `node=N type=T msg=audit(seconds.millis:serial)`. Every line of every log
// passes here, without a view of its bytes or an object of its own: a million lines are read in a tenth of a second.

/** Where the parts of a head stand in the bytes it was read from. */
export interface AuditHeader {
  /** Of the `node=` prefix; both 0 without one. */
  nodeFrom: number;
  nodeTo: number;
  typeFrom: number;
  typeTo: number;
  /** `seconds.millis:serial` stands here. */
  idFrom: number;
  idTo: number;
}

export const emptyHeader = (): AuditHeader => ({ nodeFrom: 0, nodeTo: 0, typeFrom: 0, typeTo: 0, idFrom: 0, idTo: 0 });

const SPACE = 0x20;
const DOT = 0x2e;
const COLON = 0x3a;
const CLOSE = 0x29;
const NODE = Buffer.from('node=');
const TYPE = Buffer.from('type=');
const MSG = Buffer.from(' msg=audit(');
// auditd's header is within the first hundred bytes; who asks about a hostile line must not read it all
const HEAD_BYTES = 400;

/** Reads the head of the line at `from` up to `to`. False where the line does not begin as auditd's lines do. */
export function readAuditHeader(bytes: Buffer, from: number, to: number, into: AuditHeader): boolean {
  const end = Math.min(to, from + HEAD_BYTES);
  let at = from;
  into.nodeFrom = 0;
  into.nodeTo = 0;
  if (holds(bytes, at, end, NODE)) {
    into.nodeFrom = at + NODE.length;
    into.nodeTo = wordEnd(bytes, into.nodeFrom, end);
    if (into.nodeTo === into.nodeFrom || into.nodeTo >= end || bytes[into.nodeTo] !== SPACE) return false;
    at = into.nodeTo + 1;
  }
  if (!holds(bytes, at, end, TYPE)) return false;
  into.typeFrom = at + TYPE.length;
  into.typeTo = wordEnd(bytes, into.typeFrom, end);
  if (into.typeTo === into.typeFrom || !holds(bytes, into.typeTo, end, MSG)) return false;
  into.idFrom = into.typeTo + MSG.length;
  const dot = digitsEnd(bytes, into.idFrom, end);
  if (dot === into.idFrom || dot >= end || bytes[dot] !== DOT) return false;
  const colon = digitsEnd(bytes, dot + 1, end);
  if (colon === dot + 1 || colon >= end || bytes[colon] !== COLON) return false;
  into.idTo = digitsEnd(bytes, colon + 1, end);
  return into.idTo > colon + 1 && into.idTo < end && bytes[into.idTo] === CLOSE;
}

/** Milliseconds of an id `seconds.millis:serial`. */
export function millisOf(bytes: Buffer, { idFrom }: AuditHeader): number {
  let at = idFrom;
  let seconds = 0;
  for (; bytes[at] !== DOT; at++) seconds = seconds * 10 + digit(bytes, at);
  let millis = 0;
  for (at++; bytes[at] !== COLON; at++) millis = millis * 10 + digit(bytes, at);
  return seconds * 1000 + millis;
}

/** Whether `what` stands at that place, before `end`. */
export function holds(bytes: Buffer, at: number, end: number, what: Buffer): boolean {
  if (at + what.length > end) return false;
  for (let i = 0; i < what.length; i++) if (bytes[at + i] !== what[i]) return false;
  return true;
}

/** Whether the same bytes stand at both places. */
export function isSame(a: Buffer, aFrom: number, aTo: number, b: Buffer, bFrom: number, bTo: number): boolean {
  if (aTo - aFrom !== bTo - bFrom) return false;
  // from the end: serials differ sooner than times
  for (let i = aTo - aFrom - 1; i >= 0; i--) if (a[aFrom + i] !== b[bFrom + i]) return false;
  return true;
}

const digit = (bytes: Buffer, at: number): number => (bytes[at] as number) - 0x30;

function wordEnd(bytes: Buffer, from: number, end: number): number {
  let at = from;
  // control characters up to the space end a word, as \S does
  while (at < end && (bytes[at] as number) > SPACE) at++;
  return at;
}

function digitsEnd(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39) at++;
  return at;
}
