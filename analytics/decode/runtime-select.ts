// The decoder of container runtimes, put together: what each family of formats tells, and the one SELECT over it.
import containerdJson from './containerd-json.sql';
import runtime from './runtime.sql';
import containerd from './runtime-containerd.sql';
import criEvents from './runtime-cri-events.sql';
import criStatuses from './runtime-cri-statuses.sql';
import dockerContainers from './runtime-docker-containers.sql';
import dockerEvents from './runtime-docker-events.sql';
import images from './runtime-images.sql';
import podmanEvents from './runtime-podman-events.sql';

/** What `ctr events` prints and the documents beside it: the decoder of these alone is prepared and run faster. */
export const PLAIN_RUNTIME = ['containerd-event', 'containerd-container'] as const;

const others = [dockerEvents, dockerContainers, criEvents, criStatuses, podmanEvents, images];

// Comments go: a replacement stands in the middle of a line.
const withoutComments = (sql: string) => sql.replace(/^ *--.*\n/gm, '');

/** @param any whether records may have any other shape than those of PLAIN_RUNTIME */
export function runtimeOfShapes(any: boolean): string {
  const ofContainerd = withoutComments(containerd).replace('{json_parts}', () =>
    any ? withoutComments(containerdJson) : '[]',
  );
  const shapes = any ? [ofContainerd, ...others.map(withoutComments)] : [ofContainerd];
  return withoutComments(runtime).replace('{shapes}', () => shapes.join('\nUNION ALL\n'));
}
