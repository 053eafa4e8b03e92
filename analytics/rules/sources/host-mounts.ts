// Directories of the node that a pod or template mounts so that it may write there: a volume says the path, the mount of a
// container says readOnly, and only the bytes of the request hold both.
import type { Field } from '../compile/compile.ts';

const MOUNTS = 'Array(Tuple(volumeMounts Array(Tuple(name String, readOnly Bool))))';
const SPEC = `Tuple(containers ${MOUNTS}, initContainers ${MOUNTS}, ephemeralContainers ${MOUNTS}, volumes Array(Tuple(name String, hostPath Tuple(path String))))`;

/** Where pod specs stand in a body: of a pod, of a template, of the template of a CronJob. */
const PLACES = ["'spec'", "'spec', 'template', 'spec'", "'spec', 'jobTemplate', 'spec', 'template', 'spec'"];

/** `raw` is the column with the event's JSON. */
export function writableHostPaths(raw: string): Field {
  const specs = ["'requestObject'", "'responseObject'"].flatMap((body) =>
    PLACES.map((place) => `JSONExtract(${raw}, ${body}, ${place}, '${SPEC}')`),
  );
  const writable =
    'arrayExists(c -> arrayExists(m -> m.name = v.name AND NOT m.readOnly, c.volumeMounts), arrayConcat(s.containers, s.initContainers, s.ephemeralContainers))';
  const sql = `arrayDistinct(arrayFilter(p -> p != '', arrayFlatten(arrayMap(s -> arrayMap(v -> if(${writable}, v.hostPath.path, ''), s.volumes), [${specs.join(', ')}]))))`;
  return { sql, many: true, from: 'raw', present: { sql: `notEmpty(${sql})`, from: 'raw' } };
}
