// Cells of tables: what a person reads where JSON has the full value.

/** An instant to the second, in UTC; JSON and pipes of JSON have all of it. */
export function shortTime(time: string | null): string {
  return time === null ? '' : `${time.slice(0, 10)} ${time.slice(11, 19)}`;
}

/** The time of day. */
export function clock(time: string | null): string {
  return time === null ? '--:--:--' : time.slice(11, 19);
}

/** The first characters of an id or digest: enough to name it in the next command. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** namespace/name of a pod. */
export function podName(row: { namespace: string; pod: string }): string {
  return row.pod === '' ? row.namespace : `${row.namespace}/${row.pod}`;
}

/** How long something lasted, in the largest unit that says it: 0.4 s, 12 s, 3 min, 2.5 h, 4 d. */
export function duration(from: string | null, to: string | null): string {
  if (from === null || to === null) return '';
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** Arguments as one would type them: what holds a space is quoted, so that its borders show. */
export function commandLine(argv: readonly string[]): string {
  return argv.map((word) => (/^[^\s'"]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}

/** A container among several: enough of each to choose one. */
export function containerLine(c: {
  container_id: string;
  namespace: string;
  pod: string;
  container_name: string;
  kind: string;
  node: string;
  started_at: string | null;
}): string {
  return [c.container_id, podName(c), c.container_name || c.kind, c.node, shortTime(c.started_at)].join('  ');
}

/** What a process ran; of one that only forked or was named by others nothing is known but that it was there. */
export function commandOf(process: { argv: readonly string[]; exe: string; comm: string }): string {
  return process.argv.length > 0 ? commandLine(process.argv) : process.exe || process.comm || '(command not recorded)';
}
