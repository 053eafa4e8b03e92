// Files planted on the node through a mount, and what the node then ran of them.

import type { ContainerFacts, ProcessFacts } from './facts.ts';
import { followManifest } from './grow-runtime.ts';
import { commandOf, type Frontier, type Growth, processId, remember, type Step } from './growth.ts';

/** Mounts every pod has; a write there reaches no other part of the node. */
const OWN_MOUNTS =
  /^\/(var\/lib\/kubelet\/pods|var\/lib\/containerd|run\/containerd|var\/lib\/containers|run\/crio|var\/lib\/docker)\//;

/** From a process that wrote below a host mount to the node's processes that ran the file or the command in it. */
export async function followFiles(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const writers = new Map(
    frontier.flatMap(({ id }) => {
      const p = growth.processes.get(id);
      return p === undefined || p.container_id === '' ? [] : [[p.key, p] as const];
    }),
  );
  const containers = new Map(
    (await growth.lookup.containers([...new Set([...writers.values()].map((p) => p.container_id))], [])).map((c) => [
      c.id,
      c,
    ]),
  );
  const mounted = [...writers.values()].filter((p) => hostMounts(containers.get(p.container_id)).length > 0);
  const steps: Step[] = [];
  for (const file of await growth.lookup.filesWritten(mounted.map((p) => p.key))) {
    const writer = writers.get(file.key);
    const path = hostPath(containers.get(file.container_id), file.path);
    if (writer === undefined || path === undefined) continue;
    const id = processId(writer);
    const written = { node: file.node, path, time: file.time, digest: file.digest };
    steps.push(...(await followManifest(growth, written, { id, digest: writer.digest, words: commandOf(writer, 40) })));
    for (const job of await jobsOf(growth, writer, path, file.time)) {
      steps.push({
        link: {
          from: processId(writer),
          to: processId(job.process),
          kind: 'wrote-then-ran',
          confidence: job.confidence,
          reason: `${commandOf(writer, 40)} wrote ${path} on the node through the mount at ${file.path}; then the node ran ${commandOf(job.process, 60)} (${job.why})`,
          digests: [writer.digest, file.digest, job.process.digest],
        },
        reached: remember(growth, job.process),
        arrival: 'onward',
      });
    }
  }
  return steps;
}

async function jobsOf(growth: Growth, writer: ProcessFacts, path: string, time: number) {
  const ran = await growth.lookup.nodeRunsOf(writer.node, path, time);
  // what a shell wrote with echo or a here-document stands in its own command line; cron runs it as sh -c LINE
  const words = [writer.first_argv.join(' '), writer.argv.join(' ')].join('\n');
  const named = await growth.lookup.nodeJobsNamedIn(writer.node, words, time);
  return [
    ...ran.map((process) => ({ process, confidence: 0.9, why: 'the same file' })),
    ...named.map((process) => ({ process, confidence: 0.95, why: 'the command stands in what was written' })),
  ];
}

function hostMounts(c: ContainerFacts | undefined): { source: string; target: string }[] {
  if (c === undefined) return [];
  return c.mount_sources
    .map((source, i) => ({ source, target: c.mount_targets[i] ?? '' }))
    .filter((m) => m.target !== '' && m.source.startsWith('/') && !OWN_MOUNTS.test(`${m.source}/`));
}

/** Where a path of a container lies on the node; undefined when it is below no host mount. */
function hostPath(c: ContainerFacts | undefined, path: string): string | undefined {
  const below = hostMounts(c)
    .filter((m) => path === m.target || path.startsWith(m.target === '/' ? '/' : `${m.target}/`))
    .sort((a, b) => b.target.length - a.target.length)[0];
  if (below === undefined) return undefined;
  const rest = path.slice(below.target.length);
  return `${below.source === '/' ? '' : below.source}${rest.startsWith('/') ? '' : '/'}${rest}` || '/';
}
