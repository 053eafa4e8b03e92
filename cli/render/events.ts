// Columns of a list of events, for `events` and `search`.
import type { EventRow } from '../../analytics/queries/events.ts';
import { podName, shortId } from './cells.ts';
import type { Column } from './table.ts';

export const eventColumns: readonly Column<EventRow>[] = [
  { title: 'TIME', value: (e) => (e.time === null ? '' : e.time.replace(/(\.\d{3})\d*Z$/, '$1Z')) },
  { title: 'LAYER', value: (e) => e.layer },
  { title: 'POD', value: podName, flexible: true },
  { title: 'CONTAINER', value: (e) => shortId(e.container_id) },
  { title: 'PRINCIPAL', value: (e) => e.principal, flexible: true },
  { title: 'ACTION', value: (e) => e.action, flexible: true },
  { title: 'OBJECT', value: (e) => e.object, flexible: true },
  { title: 'OUTCOME', value: (e) => e.outcome },
  { title: 'EXE', value: (e) => e.exe, flexible: true },
  { title: 'RECORD', value: (e) => shortId(e.digest) },
];
