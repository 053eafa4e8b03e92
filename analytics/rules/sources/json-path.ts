// A dotted path into a record's JSON as SQL, arrays fanned out: spec.containers.image is the image of every container.
// Below annotations, labels and the like the rest of the path is one key, for such keys hold dots themselves.
import { sqlString } from '../../store/store.ts';
import type { Field } from '../compile/compile.ts';
import { holdsKeys } from '../compile/json-words.ts';

const KEYED = new Set(['annotations', 'labels', 'matchLabels', 'nodeSelector', 'extra', 'data']);

export function splitPath(path: string): string[] {
  const parts = path.replaceAll('[]', '').split('.');
  const keyed = parts.findIndex((part, i) => KEYED.has(part) && i < parts.length - 1);
  return keyed < 0 ? parts : [...parts.slice(0, keyed + 1), parts.slice(keyed + 1).join('.')];
}

/** `raw` is the column with the JSON. */
export function jsonField(raw: string, path: string): Field {
  const [top = '', ...below] = splitPath(path);
  const held = holdsKeys(raw, below);
  const whole = held === undefined ? `[${raw}]` : `if(${held}, [${raw}], emptyArrayString())`;
  const nodes = [top, ...below].reduce(descend, whole);
  const leaves = `arrayFlatten(arrayMap(n -> ${elements('n')}, ${nodes}))`;
  const values = `arrayMap(n -> if(JSONType(n) = 'String', JSONExtractString(n), n), arrayFilter(n -> n != 'null', ${leaves}))`;
  return {
    sql: values,
    many: true,
    from: 'raw',
    json: raw,
    present: { sql: `notEmpty(${nodes})`, from: 'raw' },
    isNull: { sql: `has(${leaves}, 'null')`, from: 'raw' },
  };
}

const elements = (node: string) => `if(JSONType(${node}) = 'Array', JSONExtractArrayRaw(${node}), [${node}])`;

// JSONExtractRaw gives '' for what is not there
const descend = (nodes: string, key: string) =>
  `arrayFilter(n -> n != '', arrayFlatten(arrayMap(n -> arrayMap(m -> JSONExtractRaw(m, ${sqlString(key)}), ${elements('n')}), ${nodes})))`;
