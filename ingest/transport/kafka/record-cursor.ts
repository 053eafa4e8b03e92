// The records of a batch of Kafka, one after the other, where they lie: length, attributes, time, offset, key, value, headers, each number of variable
// length. https://kafka.apache.org/documentation/#record

/** What records are counted from. */
export interface RecordsBase {
  firstOffset: number;
  firstTimestampMs: number;
  maxTimestampMs: number;
  /** All records have the broker's time, the latest. */
  isLogAppendTime: boolean;
  count: number;
}

/** No record: what a broker checks before it takes it. */
export class RecordsBroken extends Error {
  override readonly name = 'RecordsBroken';
}

/** Stands at a record after each `next` that is true. A part that is null is from -1 to -1. */
export class RecordCursor {
  offset = 0;
  timestampMs = 0;
  keyFrom = -1;
  keyTo = -1;
  valueFrom = -1;
  valueTo = -1;
  /** Of the header that is asked for. */
  headerFrom = -1;
  headerTo = -1;
  /** How often it is there. */
  headers = 0;

  readonly #bytes: Buffer;
  readonly #base: RecordsBase;
  readonly #header: Buffer | undefined;
  #at = 0;
  #left: number;

  /** @param header its name; without one no header is read */
  constructor(bytes: Buffer, base: RecordsBase, header?: Buffer) {
    this.#bytes = bytes;
    this.#base = base;
    this.#header = header;
    this.#left = base.count;
  }

  /** False behind the last one. @throws RecordsBroken */
  next(): boolean {
    if (this.#left <= 0) return false;
    this.#left--;
    const { firstOffset, firstTimestampMs, maxTimestampMs, isLogAppendTime } = this.#base;
    const length = this.#number();
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw this.#broken();
    this.#at++; // attributes: unused
    const later = this.#number();
    this.timestampMs = isLogAppendTime ? maxTimestampMs : firstTimestampMs + later;
    this.offset = firstOffset + this.#number();
    let bytes = this.#number();
    this.keyFrom = bytes < 0 ? -1 : this.#at;
    this.keyTo = this.#pass(bytes);
    bytes = this.#number();
    this.valueFrom = bytes < 0 ? -1 : this.#at;
    this.valueTo = this.#pass(bytes);
    this.headers = 0;
    if (this.#header !== undefined) this.#findHeader(this.#header);
    if (this.#at > end) throw this.#broken();
    this.#at = end;
    return true;
  }

  #findHeader(name: Buffer): void {
    for (let n = this.#number(); n > 0; n--) {
      const nameBytes = this.#number();
      const from = this.#at;
      this.#pass(nameBytes);
      const isIt = nameBytes === name.length && stands(name, this.#bytes, from);
      const bytes = this.#number();
      if (isIt) {
        this.headers++;
        this.headerFrom = bytes < 0 ? -1 : this.#at;
      }
      const to = this.#pass(bytes);
      if (isIt) this.headerTo = to;
    }
  }

  /** Over so many bytes; -1 where the part is null. */
  #pass(bytes: number): number {
    if (bytes < 0) return -1;
    this.#at += bytes;
    if (this.#at > this.#bytes.length) throw this.#broken();
    return this.#at;
  }

  /** Seven bits a byte, the lowest first; the lowest of all is the sign. */
  #number(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#at++];
    if (byte === undefined) throw this.#broken();
    let value = byte & 0x7f;
    // exact up to 2^53, as numbers of JavaScript are
    for (let scale = 0x80; byte > 0x7f; scale *= 0x80) {
      byte = bytes[this.#at++];
      if (byte === undefined) throw this.#broken();
      value += (byte & 0x7f) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #broken = () =>
    new RecordsBroken(`the record batch at offset ${this.#base.firstOffset} is none from byte ${this.#at} on`);
}

function stands(what: Buffer, bytes: Buffer, at: number): boolean {
  for (let i = 0; i < what.length; i++) if (bytes[at + i] !== what[i]) return false;
  return true;
}
