// vestige evidence seal|verify|...
import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { recordCustody } from '../../analytics/evidence/custody.ts';
import { SEGMENT_LEAVES_MAX, seal } from '../../analytics/evidence/seal.ts';
import { readPublicKey, SealKeyError, signingKey } from '../../analytics/evidence/seal-key.ts';
import { SealBusyError } from '../../analytics/evidence/seal-lock.ts';
import { type Verification, verify } from '../../analytics/evidence/verify.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { visible } from '../render/table.ts';

export function registerEvidence(program: Command, context: Context): void {
  const evidence = program.command('evidence').description('seal, verify and keep what was recorded');
  registerSeal(evidence, context);
  registerVerify(evidence, context);
}

function registerSeal(evidence: Command, context: Context): void {
  evidence
    .command('seal')
    .description('cover every record not yet sealed by a signed Merkle tree, chained to the seal before')
    .option('--segment-limit <n>', 'most records of one seal', positive, SEGMENT_LEAVES_MAX)
    .option('--key <file>', 'Ed25519 key in PEM (default: the store’s own, made at first use)')
    .addHelpText(
      'after',
      `
Examples:
  vestige evidence seal
  vestige --json evidence seal --key /etc/vestige/seal.pem`,
    )
    .action((options: { segmentLimit: number; key?: string }) =>
      explained(() =>
        context.withStore('vestige evidence seal', async (store) => {
          const key = signingKey(store, options.key);
          const seals = await seal({ store, now: context.now, key }, options.segmentLimit);
          for (const made of seals) {
            const detail = `${made.leaves} leaves, root ${made.root}`;
            await recordCustody(store, {
              at: context.now(),
              actor: actor(),
              action: 'seal',
              subject: made.hash,
              detail,
            });
          }
          if (seals.length === 0) context.say('nothing new to seal');
          await context.printList(seals, [
            { title: 'SEGMENT', value: (s) => String(s.segment) },
            { title: 'RECORDS', value: (s) => String(s.leaves) },
            { title: 'SEALED', value: (s) => s.sealed_at },
            { title: 'ROOT', value: (s) => s.root },
            { title: 'SEAL', value: (s) => s.hash },
          ]);
        }),
      ),
    );
}

function registerVerify(evidence: Command, context: Context): void {
  evidence
    .command('verify')
    .description('compare everything sealed with what the store holds now; exit 4 when it differs')
    .option('--public-key <file>', 'key that seals have to be signed with (PEM, or the text that seal prints)')
    .option('--seal <hash>', 'a seal noted elsewhere, which has to be in the chain')
    .addHelpText(
      'after',
      `
Examples:
  vestige evidence verify
  vestige evidence verify --public-key seal.pub.pem --seal 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328`,
    )
    .action((options: { publicKey?: string; seal?: string }) =>
      explained(async () => {
        const publicKey = options.publicKey === undefined ? undefined : readPublicKey(options.publicKey);
        await context.withStore('vestige evidence verify', async (store) => {
          const verification = await verify(store, {
            ...(publicKey ? { publicKey } : {}),
            ...(options.seal === undefined ? {} : { knownSeal: options.seal }),
          });
          reportVerification(verification, context);
        });
      }),
    );
}

function reportVerification(v: Verification, context: Context): void {
  for (const difference of v.differences) context.say(visible(`vestige: ${difference.message}`));
  if (v.seals === 0 && v.verified) throw new CommandError(EXIT.notFound, 'nothing is sealed in this store');
  if (!v.key_pinned) {
    context.say('vestige: the key was taken from the store itself; name the one you trust with --public-key FILE');
  }
  context.printOne(v, () => {
    const state = v.verified ? 'verified' : 'NOT VERIFIED';
    const expired = v.expired > 0 ? `, ${v.expired} of them expired` : '';
    return `${state}: ${v.seals} seals over ${v.leaves} records${expired}; ${v.unsealed} records not sealed yet; last seal ${v.head}`;
  });
  context.setExitCode(v.verified ? EXIT.done : EXIT.verification);
}

function positive(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 1) throw new InvalidArgumentError('a whole number above 0');
  return n;
}

function actor(): string {
  return userInfo().username;
}

async function explained(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SealKeyError || error instanceof SealBusyError)
      throw new CommandError(EXIT.failed, error.message);
    throw error;
  }
}
