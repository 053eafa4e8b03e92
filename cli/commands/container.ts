// vestige container ID
import type { Command } from 'commander';
import { readContainer } from '../../analytics/queries/container.ts';
import { listContainers } from '../../analytics/queries/containers.ts';
import type { Context } from '../context.ts';
import { CANDIDATES_MAX, pickOne } from '../pick.ts';
import { podName, shortTime } from '../render/cells.ts';
import { renderContainer } from '../render/container.ts';

export function registerContainer(program: Command, context: Context): void {
  program
    .command('container')
    .description('one life: its pod, image and mounts, what ran in it, who came in, what was found')
    .argument('<id>', 'id of a container, or the beginning of it')
    .option('--cluster <name>', 'of this cluster, where several have the id')
    .option('--node <name>', 'of this node')
    .addHelpText(
      'after',
      `
Examples:
  vestige containers --pod shop/*
  vestige container 0abac51f
  vestige --json container 0abac51f`,
    )
    .action(async (id: string, { cluster, node }: { cluster?: string; node?: string }) => {
      await context.withStore('vestige container', async (store) => {
        const wanted = { container: id, cluster, node, sandboxes: true, limit: CANDIDATES_MAX + 1 };
        const key = pickOne(await listContainers(store, wanted), 'container', id, (c) =>
          [c.container_id, podName(c), c.container_name || c.kind, c.node, shortTime(c.started_at)].join('  '),
        );
        const found = [await readContainer(store, key)].filter((life) => life !== undefined);
        const life = pickOne(found, 'container', id, (c) => c.container_id);
        context.printOne(life, () => renderContainer(life));
      });
    });
}
