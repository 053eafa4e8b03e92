// A YAML file to its documents, each with the line of every part, so that problems can name it. Merge keys (<<) are filled in.
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  type YAMLError,
} from 'yaml';
import { withActions } from './actions.ts';
import type { Lines } from './lines.ts';
import type { RuleProblem } from './rule.ts';

export interface RuleDocument {
  /** File and, where a file holds several, which document of it. */
  readonly path: string;
  readonly value: unknown;
  readonly lines: Lines;
  /** Numbers that are written otherwise than their value is, by place: 10.0, 0x1F, 0755, and those of more digits than a double holds. */
  readonly written: ReadonlyMap<string, string>;
}

interface Read {
  documents: RuleDocument[];
  problems: RuleProblem[];
}

export function readDocuments(text: string, path: string): Read {
  const counter = new LineCounter();
  const read: Read = { documents: [], problems: [] };
  const documents = parseAllDocuments(text, { lineCounter: counter, merge: true });
  if (!Array.isArray(documents)) return read; // nothing in it
  documents.forEach((document, i) => {
    const where = documents.length > 1 ? `${path}#${i + 1}` : path;
    const [error] = document.errors;
    const value = error ? undefined : contentOf(document);
    if (value === null) return; // nothing between two ---
    if (error || value === undefined) {
      const line = error?.linePos?.[0].line;
      const detail = error?.message.split('\n')[0] ?? 'an alias names what is not there, or too much';
      read.problems.push({
        path: where,
        line,
        at: line === undefined ? '' : `line ${line}`,
        detail,
        remedy: remedyOf(error),
      });
      return;
    }
    const lines = new Map<string, number>();
    const written = new Map<string, string>();
    addLines(document.contents, '', (at, offset, node) => {
      lines.set(at, counter.linePos(offset).line);
      const text = writtenOtherwise(node);
      if (text !== undefined) written.set(at, text);
    });
    read.documents.push({ path: where, value, lines, written });
  });
  return { ...read, documents: withActions(read.documents) };
}

const writtenOtherwise = (node: ParsedNode | null): string | undefined =>
  isScalar(node) && typeof node.value === 'number' && node.source !== String(node.value) ? node.source : undefined;

function remedyOf(error: YAMLError | undefined): string {
  if (error?.code === 'DUPLICATE_KEY') return 'write each key once: several values of a field are a list';
  return error?.code === 'TAB_AS_INDENT' ? 'indent by spaces' : NO_YAML;
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

function addLines(
  node: ParsedNode | null,
  at: string,
  add: (at: string, offset: number, node: ParsedNode | null) => void,
): void {
  if (node === null) return;
  if (at === '') add('', node.range[0], node);
  if (isAlias(node) || at === UNTOLD) return;
  if (isMap(node)) {
    for (const pair of node.items) {
      if (!isPair(pair) || !isScalar(pair.key) || typeof pair.key.value === 'symbol') continue;
      const place = at === '' ? String(pair.key.value) : `${at}.${pair.key.value}`;
      if (pair.key.range) add(place, pair.key.range[0], pair.value as ParsedNode | null);
      addLines(pair.value as ParsedNode | null, place, add);
    }
  } else if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) {
      add(`${at}[${i}]`, (item as ParsedNode).range[0], item as ParsedNode);
      addLines(item as ParsedNode, `${at}[${i}]`, add);
    }
  }
}
