// vestige pod NS/NAME[@UID]
import type { Command } from 'commander';
import { findPods, readPod } from '../../analytics/queries/pod.ts';
import type { Context } from '../context.ts';
import { CANDIDATES_MAX, pickOne } from '../pick.ts';
import { podName, shortTime } from '../render/cells.ts';
import { renderPod } from '../render/pod.ts';

export function registerPod(program: Command, context: Context): void {
  program
    .command('pod')
    .description('one pod: its life and ends, whose it is, what ran in it, what it asked of the API, what was found')
    .argument('<pod>', 'NAMESPACE/NAME, NAMESPACE/NAME@UID, NAME or UID; a beginning that only one has will do')
    .option('--cluster <name>', 'of this cluster')
    .addHelpText(
      'after',
      `
Pods that followed one another under one name are different pods: where there are several, they are listed, each with its UID.

Examples:
  vestige pod shop/web-8547db8995-p8xwr
  vestige pod shop/web-0@f9cead20
  vestige --json pod f9cead20-9ec8-4752-b22e-21af64a5bf31`,
    )
    .action(async (given: string, { cluster }: { cluster?: string }) => {
      await context.withStore('vestige pod', async (store) => {
        const wanted = { ...parsePod(given), cluster, limit: CANDIDATES_MAX + 1 };
        const key = pickOne(await findPods(store, wanted), 'pod', given, (p) =>
          [
            `${podName(p)}@${p.pod_uid}`,
            p.node,
            `from ${shortTime(p.first_seen)}`,
            p.ended_at ? `to ${shortTime(p.ended_at)}` : '',
          ].join('  '),
        );
        const found = [await readPod(store, key)].filter((pod) => pod !== undefined);
        const pod = pickOne(found, 'pod', given, (p) => p.pod_uid);
        context.printOne(pod, () => renderPod(pod));
      });
    });
}

function parsePod(given: string): { namespace: string | undefined; name: string; uid: string | undefined } {
  const at = given.lastIndexOf('@');
  const [name, uid] = at === -1 ? [given, undefined] : [given.slice(0, at), given.slice(at + 1)];
  const slash = name.indexOf('/');
  return slash === -1
    ? { namespace: undefined, name, uid }
    : { namespace: name.slice(0, slash), name: name.slice(slash + 1), uid };
}
