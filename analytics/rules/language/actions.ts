// Collections as Sigma had them before 2, and as rules are still written: what a document with `action: global` says is filled into
// the rules of its file that come after it, until `action: reset` or another; `action: repeat` is the rule before it, with what it
// says itself. As in pySigma, correlations and filters take nothing; here what a rule says itself stands.
// Any other action is left for parse.ts to refuse.
import type { RuleDocument } from './documents.ts';

type Node = Record<string, unknown>;

/** Documents of one file, in their order. */
export function withActions(documents: readonly RuleDocument[]): RuleDocument[] {
  const whole: RuleDocument[] = [];
  const ids = new Set<unknown>();
  let global: RuleDocument | undefined;
  let before: RuleDocument | undefined;
  for (const document of documents) {
    const action = isMap(document.value) ? document.value['action'] : undefined;
    if (action === 'global') global = before = withoutAction(document);
    else if (action === 'reset') global = undefined;
    else if (action === 'repeat' && before) {
      before = withOwnId(filledIn(withoutAction(document), before), ids);
      whole.push(before);
    } else if (action === undefined && takesGlobal(document.value)) {
      before = global ? withOwnId(filledIn(document, global), ids) : document;
      if (isMap(before.value)) ids.add(before.value['id']);
      whole.push(before);
    } else whole.push(document);
  }
  return whole;
}

const isMap = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

const takesGlobal = (value: unknown) => isMap(value) && !('correlation' in value) && !('filter' in value);

function withoutAction(document: RuleDocument): RuleDocument {
  const { action, ...value } = document.value as Node;
  return { ...document, value };
}

/** Of what both say a document's own; lines of the other are those of the other's document. */
function filledIn(own: RuleDocument, from: RuleDocument): RuleDocument {
  return {
    path: own.path,
    value: merged(own.value, from.value),
    lines: new Map([...from.lines, ...own.lines]),
    written: new Map([...from.written, ...own.written]),
  };
}

function merged(own: unknown, from: unknown): unknown {
  if (!isMap(own) || !isMap(from)) return own;
  const both: Node = { ...from };
  for (const [key, value] of Object.entries(own)) both[key] = key in from ? merged(value, from[key]) : value;
  return both;
}

/** Two rules have no id in common: what a second one has from elsewhere is left out, and it gets one of file and title. */
function withOwnId(document: RuleDocument, ids: Set<unknown>): RuleDocument {
  const { id, ...rest } = document.value as Node;
  if (!ids.has(id)) {
    ids.add(id);
    return document;
  }
  return { ...document, value: rest };
}
