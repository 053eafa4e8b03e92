// Table containers: what tells of each (container-evidence.sql), then what that comes to (containers.sql).
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import trustedCalls from '../minutes/runtime-calls-trusted.sql';
import { ENTITY_SETTINGS } from '../settings.ts';
import containerEvidence from './container-evidence.sql';
import containers from './containers.sql';

export function fillContainers(store: Store, version: number, into = 'containers'): Promise<void> {
  const made = (select: string) => `ENGINE = Memory AS ${select} ${ENTITY_SETTINGS}`;
  return withScratchTable(store, 'runtime_calls', made(trustedCalls), (calls) =>
    withScratchTable(
      store,
      'container_evidence',
      made(containerEvidence.replaceAll('{runtime_calls}', calls)),
      (evidence) => {
        const select = containers.replaceAll('{evidence}', evidence);
        return store.run(`INSERT INTO ${into} ${select} ${ENTITY_SETTINGS}`, { version }, 'background');
      },
    ),
  );
}
