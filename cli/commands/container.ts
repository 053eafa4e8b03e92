// vestige container ID
import type { Command } from 'commander';
import { readContainerPage } from '../../analytics/queries/container-page.ts';
import { findContainers } from '../../analytics/queries/containers.ts';
import type { Context } from '../context.ts';
import { CANDIDATES_MAX, pickOne } from '../pick.ts';
import { containerLine } from '../render/cells.ts';
import { renderContainer } from '../render/container.ts';

export function registerContainer(program: Command, context: Context): void {
  program
    .command('container')
    .description(
      'one life: how it began and ended, its pod, image and mounts, what ran in it, who came in, what it did',
    )
    .argument(
      '<id>',
      'id of a container or the beginning of it; NAMESPACE/POD/CONTAINER; the name of a pod, a container or an image',
    )
    .option('--cluster <name>', 'of this cluster, where several have the id')
    .option('--node <name>', 'of this node')
    .addHelpText(
      'after',
      `
A name that several containers have is refused, and they are listed, the last started first.

Examples:
  vestige containers --pod shop/*
  vestige container 0abac51f
  vestige container shop/web-7d4b9/web
  vestige --json container 0abac51f`,
    )
    .action(async (id: string, places: { cluster?: string; node?: string }) => {
      await context.withStore('vestige container', async (store) => {
        const key = pickOne(
          await findContainers(store, id, places, CANDIDATES_MAX + 1),
          'container',
          id,
          containerLine,
        );
        const found = [await readContainerPage(store, key)].filter((page) => page !== undefined);
        const page = pickOne(found, 'container', id, (c) => c.container_id);
        context.printOne(page, () => renderContainer(page, context.format() === 'table'));
      });
    });
}
