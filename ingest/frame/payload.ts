// What somebody else put into a topic, or a message of another program: one payload to records. It may be a line, lines of audit events, an
// EventList or documents: it is cut as a log that holds the same would be. Nothing is known but the bytes.
import { type AuditEvent, createAuditEventFramer } from './audit-events.ts';
import { emptyHeader, readAuditHeader } from './audit-header.ts';
import { nodeOf } from './audit-json.ts';
import { holdsItems, itemsOf } from './line-items.ts';
import { type Format, isAuditJson, recognise } from './recognise.ts';

export interface Piece {
  format: Format;
  raw: Buffer;
  lines: number;
  /** What the bytes say of themselves (`node=`); empty when they do not. */
  node: string;
}

const NEWLINE = 10;
const OPENING_BRACE = 0x7b;
const CARRIAGE_RETURN = 13;

/** Records in order. None for nothing but blank lines and ends of audit events (EOE), which only signal. */
export function* cutPayload(payload: Buffer): Generator<Piece> {
  const whole = trimNewlines(payload);
  const format = recognise(whole);
  if (format !== 'auditd' && holdsItems(whole)) {
    for (const item of itemsOf(whole)) yield pieceOf(item.whole ? recognise(item.bytes) : 'oversized', item.bytes);
  } else if (whole[0] === OPENING_BRACE) {
    yield pieceOf(format, whole); // one document, in one line or printed over many
  } else {
    yield* cutLines(whole);
  }
}

function* cutLines(bytes: Buffer): Generator<Piece> {
  const framer = createAuditEventFramer();
  const header = emptyHeader();
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, from);
    const to = newline === -1 ? bytes.length : newline;
    if (readAuditHeader(bytes, from, to, header)) yield* framer.push(bytes, from, to, header, from).map(eventPiece);
    else if (!isBlank(bytes, from, to)) yield pieceOf(recognise(bytes.subarray(from, to)), bytes.subarray(from, to));
    from = to + 1;
  }
  yield* framer.end().map(eventPiece);
}

const eventPiece = ({ bytes, lines, node }: AuditEvent): Piece => ({ format: 'auditd', raw: bytes, lines, node });

function pieceOf(format: Format, raw: Buffer): Piece {
  return { format, raw, lines: linesOf(raw), node: isAuditJson(format) ? nodeOf(format, raw) : '' };
}

export function linesOf(raw: Buffer): number {
  let lines = 1;
  for (let at = raw.indexOf(NEWLINE); at !== -1; at = raw.indexOf(NEWLINE, at + 1)) lines++;
  return lines;
}

const isBlank = (bytes: Buffer, from: number, to: number): boolean =>
  to === from || (to === from + 1 && bytes[from] === CARRIAGE_RETURN);

function trimNewlines(bytes: Buffer): Buffer {
  let to = bytes.length;
  while (to > 0 && bytes[to - 1] === NEWLINE) to--;
  return bytes.subarray(0, to);
}
