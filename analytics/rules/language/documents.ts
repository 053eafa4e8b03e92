// A YAML file to its documents, each with the line of every part, so that problems can name it.
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type ParsedNode, parseAllDocuments } from 'yaml';
import type { Lines } from './lines.ts';
import type { RuleProblem } from './rule.ts';

export interface RuleDocument {
  /** File and, where a file holds several, which document of it. */
  readonly path: string;
  readonly value: unknown;
  readonly lines: Lines;
}

interface Read {
  documents: RuleDocument[];
  problems: RuleProblem[];
}

export function readDocuments(text: string, path: string): Read {
  const counter = new LineCounter();
  const read: Read = { documents: [], problems: [] };
  const documents = parseAllDocuments(text, { lineCounter: counter });
  if (!Array.isArray(documents)) return read; // nothing in it
  documents.forEach((document, i) => {
    const where = documents.length > 1 ? `${path}#${i + 1}` : path;
    const [error] = document.errors;
    const value = error ? undefined : contentOf(document);
    if (value === null) return; // nothing between two ---
    if (error || value === undefined) {
      const line = error?.linePos?.[0].line;
      const detail = error?.message.split('\n')[0] ?? 'an alias names what is not there, or too much';
      read.problems.push({ path: where, line, at: line === undefined ? '' : `line ${line}`, detail, remedy: NO_YAML });
      return;
    }
    const lines = new Map<string, number>();
    addLines(document.contents, '', (at, offset) => lines.set(at, counter.linePos(offset).line));
    read.documents.push({ path: where, value, lines });
  });
  return read;
}

const NO_YAML = 'mend the YAML: a value that begins with *, %, {, [, & or ! stands in quotes';

// Aliases may name what is not there, or more than memory holds: yaml counts and throws.
function contentOf(document: { toJS(): unknown }): unknown {
  try {
    return document.toJS();
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

// Cases hold events of any size, of which no problem names the inside.
const UNTOLD = 'x-vestige.cases';

function addLines(node: ParsedNode | null, at: string, add: (at: string, offset: number) => void): void {
  if (node === null) return;
  if (at === '') add('', node.range[0]);
  if (isAlias(node) || at === UNTOLD) return;
  if (isMap(node)) {
    for (const pair of node.items) {
      if (!isPair(pair) || !isScalar(pair.key)) continue;
      const place = at === '' ? String(pair.key.value) : `${at}.${pair.key.value}`;
      if (pair.key.range) add(place, pair.key.range[0]);
      addLines(pair.value as ParsedNode | null, place, add);
    }
  } else if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) {
      add(`${at}[${i}]`, (item as ParsedNode).range[0]);
      addLines(item as ParsedNode, `${at}[${i}]`, add);
    }
  }
}
