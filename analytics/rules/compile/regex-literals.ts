// What text every match of a regular expression (RE2) holds: looked for first, so that the expression itself is tried on few rows. A search for
// texts costs a tenth of trying an expression (measured: 256 expressions of the pack on 183,000 command lines, 16.5 s of 25).

/** Texts in lower case, one of which every match holds, whatever its case; undefined where none can be told. */
export function literalsOf(source: string): readonly string[] | undefined {
  try {
    const parser = createParser(source);
    const whole = parser.alternatives();
    if (!parser.atEnd()) return undefined;
    const found = best(whole);
    return found?.every((text) => text.length >= LENGTH_MIN) ? found : undefined;
  } catch (error) {
    if (error instanceof NotTold) return undefined;
    throw error;
  }
}

// A text of one character is in nearly every row.
const LENGTH_MIN = 2;
// The engine looks for at most 255 texts at once; beyond some dozens a search is no gain.
const TEXTS_MAX = 60;

class NotTold extends Error {}

/** `exact`: all that a part can match, where that is a short list; `holds`: one of these is in whatever it matches. */
interface Part {
  readonly exact?: readonly string[] | undefined;
  readonly holds?: readonly string[] | undefined;
}

const ANYTHING: Part = {};
const NOTHING: Part = { exact: [''] };

/** The better of what a part tells: longer texts, then fewer. */
function best({ exact, holds }: Part): readonly string[] | undefined {
  const ofExact = exact?.every((text) => text !== '') ? exact : undefined;
  return better(ofExact, holds);
}

function better(a: readonly string[] | undefined, b: readonly string[] | undefined): readonly string[] | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const shortest = (texts: readonly string[]) => Math.min(...texts.map((text) => text.length));
  const [x, y] = [shortest(a), shortest(b)];
  return x > y || (x === y && a.length <= b.length) ? a : b;
}

function inSequence(parts: readonly Part[]): Part {
  let run: readonly string[] = [''];
  let holds: readonly string[] | undefined;
  let isExact = true;
  const endRun = () => {
    if (run.every((text) => text !== '')) holds = better(holds, run);
    run = [''];
  };
  for (const part of parts) {
    const next = part.exact && product(run, part.exact);
    if (next !== undefined) {
      run = next;
      continue;
    }
    isExact = false;
    endRun();
    if (part.exact) run = part.exact;
    else holds = better(holds, part.holds);
  }
  if (isExact) return { exact: run };
  endRun();
  return { holds };
}

function product(some: readonly string[], others: readonly string[]): string[] | undefined {
  if (some.length * others.length > TEXTS_MAX) return undefined;
  return [...new Set(some.flatMap((a) => others.map((b) => a + b)))];
}

function oneOf(branches: readonly Part[]): Part {
  const exact = branches.every((branch) => branch.exact !== undefined)
    ? [...new Set(branches.flatMap((branch) => branch.exact ?? []))]
    : undefined;
  if (exact && exact.length <= TEXTS_MAX) return { exact };
  const told = branches.map(best);
  if (told.some((texts) => texts === undefined)) return ANYTHING;
  const holds = [...new Set(told.flatMap((texts) => texts ?? []))];
  return holds.length <= TEXTS_MAX ? { holds } : ANYTHING;
}

function repeated(part: Part, least: number, most: number): Part {
  if (least === 1 && most === 1) return part;
  if (least === 0) return most === 1 && part.exact ? oneOf([NOTHING, part]) : ANYTHING;
  return { holds: best(part) };
}

function createParser(source: string) {
  let at = 0;
  const atEnd = () => at >= source.length;

  function alternatives(): Part {
    const branches = [sequence()];
    while (source[at] === '|') {
      at++;
      branches.push(sequence());
    }
    return branches.length === 1 ? (branches[0] ?? NOTHING) : oneOf(branches);
  }

  function sequence(): Part {
    const parts: Part[] = [];
    while (!atEnd() && source[at] !== '|' && source[at] !== ')') parts.push(quantified());
    return inSequence(parts);
  }

  function quantified(): Part {
    let part = atom();
    for (;;) {
      const bounds = /^(?:[*+?]|\{(\d+)(,(\d*))?\})\??/.exec(source.slice(at));
      if (!bounds) return part;
      at += bounds[0].length;
      const [sign = ''] = bounds[0];
      const [, least = '', comma, most = ''] = bounds;
      if (sign === '*') part = repeated(part, 0, Number.POSITIVE_INFINITY);
      else if (sign === '+') part = repeated(part, 1, Number.POSITIVE_INFINITY);
      else if (sign === '?') part = repeated(part, 0, 1);
      else part = repeated(part, Number(least), comma === undefined ? Number(least) : Number(most || 'Infinity'));
    }
  }

  function atom(): Part {
    const c = source[at++] ?? '';
    if (c === '(') return group();
    if (c === '[') return characterClass();
    if (c === '\\') return escaped();
    if (c === '.') return ANYTHING;
    if (c === '^' || c === '$') return NOTHING;
    return text(c);
  }

  function group(): Part {
    const opening = /^\?(?:P?<\w+>|[imsU-]*(?<end>[:)]))/.exec(source.slice(at));
    if (source[at] === '?' && !opening) throw new NotTold();
    at += opening?.[0].length ?? 0;
    if (opening?.groups?.['end'] === ')') return NOTHING; // flags for what follows: case is not looked at anyway
    const inside = alternatives();
    if (source[at++] !== ')') throw new NotTold();
    return inside;
  }

  function escaped(): Part {
    const c = source[at++] ?? '';
    if (/[dDwWsSpPCX]/.test(c)) {
      if (/[pP]/.test(c)) at += /^(\{[^}]*\}|.)/.exec(source.slice(at))?.[0].length ?? 0;
      return ANYTHING;
    }
    if (/[bBAzZ]/.test(c)) return NOTHING;
    const control = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\x07' }[c];
    if (control !== undefined) return text(control);
    if (c === 'x') {
      const code = /^(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\})/.exec(source.slice(at));
      if (!code) throw new NotTold();
      at += code[0].length;
      return text(String.fromCodePoint(Number.parseInt(code[1] ?? code[2] ?? '', 16)));
    }
    if (/\w/.test(c) || c === '') throw new NotTold();
    return text(c);
  }

  // Of a short list of characters each is a text; of ranges and negations nothing is told.
  function characterClass(): Part {
    const whole = /^(\^?)(\]?(?:\\[\s\S]|\[:\^?\w+:\]|[^\]\\])*)\]/.exec(source.slice(at));
    if (!whole) throw new NotTold();
    at += whole[0].length;
    const [, negated, members = ''] = whole;
    const plain = members.replace(/\\([^\w\s])/g, '$1');
    if (negated === '^' || members.includes('-') || /\\\w|\[:/.test(members) || plain.length > CLASS_MAX)
      return ANYTHING;
    return oneOf([...plain].map(text));
  }

  return { alternatives, atEnd };
}

const CLASS_MAX = 6;

/** What is not ASCII may be written in more than one way. */
const text = (c: string): Part => (/^[\0-\x7f]$/.test(c) ? { exact: [c.toLowerCase()] } : ANYTHING);
