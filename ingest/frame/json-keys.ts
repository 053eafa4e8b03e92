// The names of a JSON object's members, and of the members of those: `status`, `status.metadata`. Values are stepped over, so
// that nothing written inside a value can pass for a name. Made for telling formats apart; what is no JSON gives fewer names.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

const NAME_BYTES_MAX = 64; // no format is told by a longer one

export function keysOf(json: Buffer, bytesMax: number): Set<string> {
  const keys = new Set<string>();
  const end = Math.min(json.length, bytesMax);
  let depth = 0;
  let arrays = 0;
  let outer = '';
  for (let at = 0; at < end; at++) {
    const byte = json[at];
    if (byte === QUOTE) {
      const from = at + 1;
      at = closingQuote(json, from, end);
      if (arrays > 0 || depth > 2 || at - from > NAME_BYTES_MAX || !isFollowedByColon(json, at + 1, end)) continue;
      const name = json.toString('latin1', from, at);
      if (depth === 1) outer = name;
      keys.add(depth === 1 ? name : `${outer}.${name}`);
    } else if (byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_OBJECT) depth--;
    else if (byte === OPEN_ARRAY) arrays++;
    else if (byte === CLOSE_ARRAY) arrays--;
  }
  return keys;
}

/** Where the string that begins at `from`, behind its opening quote, has its closing one; at or behind `end` where it has none. */
export function closingQuote(json: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** Whether the string before `from` is a name: what comes next but blanks is a colon. */
export function isFollowedByColon(json: Buffer, from: number, end: number): boolean {
  let at = from;
  while (at < end && (json[at] ?? 0) <= 0x20) at++;
  return json[at] === COLON && at < end;
}
