// The API server's audit log file (--audit-log-path), followed through its rotation (lumberjack: audit-2026-11-26T10-00-00.000.log, .gz).
// Each line is a record; what lies in it is found out later (ingest/frame).
import type { Collector } from '../collector.ts';
import { followLines } from '../files/follow-lines.ts';

export interface AuditLogOptions {
  /** Of the live file; also the name of the stream. */
  path: string;
}

export function createAuditLogFollower({ path }: AuditLogOptions): Collector {
  return (place) =>
    followLines(
      {
        path,
        source: 'k8s-audit',
        createReader: (_, put) => ({
          line: (bytes, from, to, { file, offset }) =>
            put({
              ...{ source: 'k8s-audit', stream: path, position: offset, lines: 1 },
              // offsets begin anew with every file
              ...{ attrs: { file }, raw: bytes.subarray(from, to) },
            }),
        }),
      },
      place,
    );
}
