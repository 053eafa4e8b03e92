// The head of an auditd line, read byte by byte: `node=N type=T msg=audit(seconds.millis:serial)`. Every line of every log
// passes here twice (what is it? whose is it?), and a regular expression over text made of bytes took half of an import's
// time outside the engine.

export interface AuditHeader {
  /** From the `node=` prefix; empty without one. */
  node: string;
  typeFrom: number;
  typeTo: number;
  /** `seconds.millis:serial` stands here. */
  idFrom: number;
  idTo: number;
}

const SPACE = 0x20;
const DOT = 0x2e;
const COLON = 0x3a;
const CLOSE = 0x29;
const NODE = Buffer.from('node=');
const TYPE = Buffer.from('type=');
const MSG = Buffer.from(' msg=audit(');
// auditd's header is within the first hundred bytes; who asks about a hostile line must not read it all
const HEAD_BYTES = 400;

/** Undefined where the line does not begin as auditd's lines do. */
export function readAuditHeader(line: Buffer): AuditHeader | undefined {
  const end = Math.min(line.length, HEAD_BYTES);
  let at = 0;
  let node = '';
  if (holds(line, 0, NODE)) {
    const to = wordEnd(line, NODE.length, end);
    if (to === NODE.length || line[to] !== SPACE) return undefined;
    node = line.toString('latin1', NODE.length, to);
    at = to + 1;
  }
  if (!holds(line, at, TYPE)) return undefined;
  const typeFrom = at + TYPE.length;
  const typeTo = wordEnd(line, typeFrom, end);
  if (typeTo === typeFrom || !holds(line, typeTo, MSG)) return undefined;
  const idFrom = typeTo + MSG.length;
  const dot = digitsEnd(line, idFrom, end);
  const colon = line[dot] === DOT ? digitsEnd(line, dot + 1, end) : dot;
  const idTo = line[colon] === COLON ? digitsEnd(line, colon + 1, end) : colon;
  const whole = dot > idFrom && colon > dot + 1 && idTo > colon + 1 && idTo < end && line[idTo] === CLOSE;
  return whole ? { node, typeFrom, typeTo, idFrom, idTo } : undefined;
}

/** Whether `bytes` stand in the line at that place. */
export function holds(line: Buffer, at: number, bytes: Buffer): boolean {
  if (at + bytes.length > line.length) return false;
  for (let i = 0; i < bytes.length; i++) if (line[at + i] !== bytes[i]) return false;
  return true;
}

function wordEnd(line: Buffer, from: number, end: number): number {
  let at = from;
  // control characters up to the space end a word, as \S does
  while (at < end && (line[at] as number) > SPACE) at++;
  return at;
}

function digitsEnd(line: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && (line[at] as number) >= 0x30 && (line[at] as number) <= 0x39) at++;
  return at;
}
