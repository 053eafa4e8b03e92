// vestige who PRINCIPAL
import { type Command, Option } from 'commander';
import { findPrincipals, PRINCIPAL_KINDS, type PrincipalKind, readActor } from '../../analytics/queries/who.ts';
import type { Context } from '../context.ts';
import { CANDIDATES_MAX, pickOne } from '../pick.ts';
import { renderActor } from '../render/actor.ts';
import { shortTime } from '../render/cells.ts';

export function registerWho(program: Command, context: Context): void {
  program
    .command('who')
    .description(
      'one actor: its credentials and addresses, what it asked and was refused, whom it entered, what ran behind it',
    )
    .argument(
      '<principal>',
      'user, NAMESPACE/NAME of a service account, node, group, id of a credential, address or uid; a beginning that only one has will do',
    )
    .option('--cluster <name>', 'of this cluster')
    .addOption(new Option('--kind <kind>', 'of this kind').choices(PRINCIPAL_KINDS))
    .addHelpText(
      'after',
      `
Examples:
  vestige who alice
  vestige who ci/ci-deployer
  vestige who 203.0.113.88
  vestige --json who JTI=698f4046-0c12-45be-a1d1-52af56fbdd08`,
    )
    .action(async (name: string, { cluster, kind }: { cluster?: string; kind?: PrincipalKind }) => {
      await context.withStore('vestige who', async (store) => {
        const wanted = { name, kind, cluster, limit: CANDIDATES_MAX + 1 };
        const principal = pickOne(await findPrincipals(store, wanted), 'principal', name, (p) =>
          [p.principal, p.kind, p.cluster, `${p.requests} requests`, `last ${shortTime(p.last_seen)}`].join('  '),
        );
        const actor = await readActor(store, principal);
        context.printOne(actor, () => renderActor(actor));
      });
    });
}
