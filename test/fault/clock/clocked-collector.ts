// A collector as a process of its own, whose clock the test sets: what it is wrong by stands in a file. But for that it is `vestige collect`.
import { readFileSync } from 'node:fs';
import { parseConfig } from '../../../ingest/collect/config.ts';
import { chooseCollector } from '../../../ingest/collect/kinds.ts';
import { runCollector } from '../../../ingest/collect/run-collector.ts';
import { createHttpsSink } from '../../../ingest/transport/https/https-sink.ts';

export interface ClockedCollectorOptions {
  kind: 'k8s-audit' | 'auditd';
  /** Of the log; without one, standard input is read as auditd's plugin does. */
  log?: string;
  to: string;
  token: string;
  spool: string;
  name: string;
  ageMsMax: number;
  /** Holds milliseconds. */
  clock: string;
}

const options = JSON.parse(process.argv[2] ?? '{}') as ClockedCollectorOptions;
const { kind, log, name } = options;
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const say = (text: string) => void process.stderr.write(`${text}\n`);
const config = parseConfig(
  kind === 'k8s-audit' ? { k8s_audit: { log } } : { auditd: log === undefined ? { stdin: true } : { log } },
  'test',
);
const chosen = await chooseCollector(kind, config, () => process.stdin);
await runCollector(
  {
    ...{ source: chosen.source, stream: chosen.stream, readsAgain: chosen.readsAgain },
    ...{ cluster: 'c', node: kind === 'k8s-audit' ? '' : 'worker-1', name, program: 'test' },
    spool: { directory: options.spool, bytesMax: 16 * 1024 * 1024, ageMsMax: options.ageMsMax },
  },
  {
    collector: chosen.collector,
    sink: createHttpsSink(options.to, { token: () => options.token, say }),
    now: () => new Date(Date.now() + Number(readFileSync(options.clock, 'utf8'))),
    say,
    stop: stop.signal,
  },
);
process.exit(0);
