// One event of JSON as rules see it: a field's name is a path by dots, keys that hold dots themselves stand as they are
// ({"a.b": 1} and {"a": {"b": 1}} both have a.b), arrays are fanned out. Names are compared with case. What a field has is
// its values as text, whether it is there at all, and whether it is null: `rules eval` gives these to the compiled rules.
import { windowsField } from './windows-event.ts';

export interface JsonField {
  /** Strings as they are, numbers and booleans as JSON writes them, objects as JSON. */
  readonly values: readonly string[];
  readonly present: boolean;
  /** One of its values is null. */
  readonly isNull: boolean;
}

const MISSING: JsonField = { values: [], present: false, isNull: false };

/**
 * Names that are not found are looked for where a Windows event in JSON keeps them (windows-event.ts).
 * @throws RangeError for what is nested deeper than the stack
 */
export function fieldOf(event: unknown, path: string): JsonField {
  const nodes = nodesAt(event, path);
  if (nodes.length > 0) return fieldOfNodes(nodes);
  const inEnvelope = windowsField(event, path);
  return inEnvelope.length > 0 ? fieldOfNodes(inEnvelope) : MISSING;
}

/** All that stands at a path. */
export function nodesAt(event: unknown, path: string): unknown[] {
  const found: unknown[] = [];
  if (isObject(event) && Object.hasOwn(event, path)) found.push(event[path]);
  const parts = path.replaceAll('[]', '').split('.');
  if (parts.length > 1 || Array.isArray(event) || parts[0] !== path) descend(event, parts, 0, found);
  return found;
}

function descend(node: unknown, parts: readonly string[], from: number, found: unknown[]): void {
  if (Array.isArray(node)) {
    for (const element of node) descend(element, parts, from, found);
  } else if (isObject(node)) {
    for (let to = from + 1; to <= parts.length; to++) {
      if (from === 0 && to === parts.length && parts.length > 1) continue; // the whole path as one key was looked for
      const key = to === from + 1 ? (parts[from] ?? '') : parts.slice(from, to).join('.');
      if (!Object.hasOwn(node, key)) continue;
      if (to === parts.length) found.push(node[key]);
      else descend(node[key], parts, to, found);
    }
  }
}

function fieldOfNodes(nodes: readonly unknown[]): JsonField {
  const values: string[] = [];
  let isNull = false;
  const add = (node: unknown): void => {
    if (Array.isArray(node)) for (const element of node) add(element);
    else if (node === null) isNull = true;
    else values.push(textOf(node));
  };
  for (const node of nodes) add(node);
  return { values, present: true, isNull };
}

/** Every value there is, at any depth: where keywords are looked for. Names of fields are not among them. */
export function leavesOf(event: unknown): JsonField {
  const values = new Set<string>();
  const add = (node: unknown): void => {
    if (Array.isArray(node)) for (const element of node) add(element);
    else if (isObject(node)) for (const key of Object.keys(node)) add(node[key]);
    else if (node !== null) values.add(textOf(node));
  };
  add(event);
  return { values: [...values], present: true, isNull: false };
}

// What is half a character is no text that an engine takes.
const LONE_SURROGATE = /\p{Surrogate}/gu;

function textOf(node: unknown): string {
  const text = typeof node === 'string' ? node : typeof node === 'object' ? JSON.stringify(node) : String(node);
  return text.replace(LONE_SURROGATE, '\ufffd');
}

const isObject = (node: unknown): node is Record<string, unknown> =>
  typeof node === 'object' && node !== null && !Array.isArray(node);
