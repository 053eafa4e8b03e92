// vestige chain ID
import type { Command } from 'commander';
import { findChains, readChain } from '../../analytics/queries/chains.ts';
import type { Context } from '../context.ts';
import { CANDIDATES_MAX, pickOne } from '../pick.ts';
import { renderChain } from '../render/chain.ts';

export function registerChain(program: Command, context: Context): void {
  program
    .command('chain')
    .description('one attack chain: its steps as sentences, and why each is linked to what came before')
    .argument('<id>', 'id of a chain, or the beginning of it')
    .addHelpText(
      'after',
      `
Examples:
  vestige chains
  vestige chain 4f0c
  vestige --json chain 4f0c > chain.json`,
    )
    .action(async (id: string) => {
      await context.withStore('vestige chain', async (store) => {
        const matches = await findChains(store, id, CANDIDATES_MAX + 1);
        const exact = matches.filter((c) => c.id === id);
        const { id: whole } = pickOne(exact.length > 0 ? exact : matches, 'chain', id, (c) => `${c.id}  ${c.title}`);
        const chain = pickOne(
          [await readChain(store, whole)].filter((c) => c !== undefined),
          'chain',
          id,
          (c) => c.id,
        );
        context.printOne(chain, () => renderChain(chain, context.stdout.isTTY ? context.stdout.columns : undefined));
      });
    });
}
