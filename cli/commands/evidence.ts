// vestige evidence seal|verify|hold|release|holds|dossier
import { hostname, userInfo } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Dossier, readDossier } from '../../analytics/evidence/dossier.ts';
import { dossierMarkdown } from '../../analytics/evidence/dossier-markdown.ts';
import { type HoldSubject, listHolds, placeHold, releaseHold } from '../../analytics/evidence/hold.ts';
import { SEGMENT_LEAVES_MAX, seal } from '../../analytics/evidence/seal.ts';
import { readPublicKey, SealKeyError, signingKey } from '../../analytics/evidence/seal-key.ts';
import { SealBusyError } from '../../analytics/evidence/seal-lock.ts';
import { type Verification, verify } from '../../analytics/evidence/verify.ts';
import { findChains } from '../../analytics/queries/chains.ts';
import { type ContainerRow, listContainers } from '../../analytics/queries/containers.ts';
import { recordCustody } from '../../analytics/queries/custody.ts';
import { findDigests } from '../../analytics/queries/record.ts';
import type { Store } from '../../analytics/store/store.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { CANDIDATES_MAX, pickOne } from '../pick.ts';
import { podName, shortTime } from '../render/cells.ts';
import { visible } from '../render/table.ts';

export function registerEvidence(program: Command, context: Context): void {
  const evidence = program.command('evidence').description('seal, verify and keep what was recorded');
  registerSeal(evidence, context);
  registerVerify(evidence, context);
  registerHold(evidence, context);
  registerRelease(evidence, context);
  registerHolds(evidence, context);
  registerDossier(evidence, context);
}

function registerSeal(evidence: Command, context: Context): void {
  evidence
    .command('seal')
    .description('cover every record not yet sealed by a signed Merkle tree, chained to the seal before')
    .option('--segment-limit <n>', 'most records of one seal', positive, SEGMENT_LEAVES_MAX)
    .option('--key <file>', 'Ed25519 key in PEM (default: the store’s own, made at first use)')
    .addHelpText(
      'after',
      '\nExamples:\n  vestige evidence seal\n  vestige --json evidence seal --key /etc/vestige/seal.pem',
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
    .option('--no-derived', 'only seals and records; do not derive the typed rows again')
    .addHelpText(
      'after',
      '\nExamples:\n  vestige evidence verify\n  vestige --json evidence verify --public-key seal.pub.pem --seal 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    )
    .action((options: { publicKey?: string; seal?: string; derived: boolean }) =>
      explained(async () => {
        const publicKey = options.publicKey === undefined ? undefined : readPublicKey(options.publicKey);
        await context.withStore('vestige evidence verify', async (store) => {
          const verification = await verify(store, {
            ...(publicKey ? { publicKey } : {}),
            derived: options.derived,
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

interface HoldOptions {
  chain?: string;
  container?: string;
  record?: string;
  reason: string;
}

function registerHold(evidence: Command, context: Context): void {
  evidence
    .command('hold')
    .description('keep records whatever the retention says: those of a chain, of a container, or one record')
    .argument('[subject]', 'beginning of the id of a chain or container, or of a digest')
    .option('--chain <id>', 'a chain')
    .option('--container <id>', 'a container')
    .option('--record <digest>', 'one record')
    .option('--reason <text>', 'why', '')
    .addHelpText(
      'after',
      '\nExamples:\n  vestige evidence hold --chain c-3f2a --reason "case 42"\n  vestige evidence hold 0abac51f',
    )
    .action(async (subject: string | undefined, options: HoldOptions) => {
      const given = [subject, options.chain, options.container, options.record].filter((id) => id !== undefined);
      if (given.length !== 1 || given[0] === '') {
        throw new CommandError(EXIT.usage, 'name one subject: SUBJECT, --chain ID, --container ID or --record DIGEST');
      }
      await context.withStore('vestige evidence hold', async (store) => {
        const hold = await placeHold(store, await findSubject(store, subject, options), options.reason, by(context));
        if (!hold)
          throw new CommandError(EXIT.notFound, `${visible(given[0] ?? '')} has no records that could be held`);
        context.printOne(hold, () =>
          visible(`${hold.id}: ${hold.records} records of ${hold.kind} ${hold.subject} are kept`),
        );
      });
    });
}

async function findSubject(store: Store, subject: string | undefined, options: HoldOptions): Promise<HoldSubject> {
  const any = (kind: string | undefined) => kind ?? subject;
  const chain = any(options.chain);
  const container = any(options.container);
  const record = any(options.record);
  const limit = CANDIDATES_MAX + 1;
  const matches: { what: string; words: string; subject: HoldSubject }[] = [];
  if (chain !== undefined) {
    for (const { id, title } of await findChains(store, chain, limit)) {
      matches.push({ what: 'chain', words: `chain ${id}  ${title}`, subject: { kind: 'chain', id } });
    }
  }
  if (container !== undefined) {
    for (const c of await listContainers(store, { container, sandboxes: true, limit })) {
      matches.push({
        what: 'container',
        words: `container ${containerWords(c)}`,
        subject: { ...c, kind: 'container' },
      });
    }
  }
  if (record !== undefined) {
    for (const digest of await findDigests(store, record, limit)) {
      matches.push({ what: 'record', words: `record ${digest}`, subject: { kind: 'record', digest } });
    }
  }
  const what = options.chain
    ? 'chain'
    : options.container
      ? 'container'
      : options.record
        ? 'record'
        : 'chain, container or record';
  return pickOne(matches, what, chain ?? container ?? record ?? '', (m) => m.words).subject;
}

function registerRelease(evidence: Command, context: Context): void {
  evidence
    .command('release')
    .description('end a hold; what it kept so far stays in the store')
    .argument('<hold>', 'id of the hold, as `evidence holds` lists it')
    .addHelpText('after', '\nExamples:\n  vestige evidence release container-0d1b9ad51a2c')
    .action((hold: string) =>
      context.withStore('vestige evidence release', async (store) => {
        if (!(await releaseHold(store, hold, by(context))))
          throw new CommandError(EXIT.notFound, `no hold ${visible(hold)}`);
        context.say(visible(`${hold} is released`));
      }),
    );
}

function registerHolds(evidence: Command, context: Context): void {
  evidence
    .command('holds')
    .description('what is held, since when and why')
    .option('--limit <n>', 'at most so many', positive)
    .addHelpText('after', '\nExamples:\n  vestige evidence holds\n  vestige --json evidence holds')
    .action(({ limit }: { limit?: number }) =>
      context.withStore('vestige evidence holds', async (store) => {
        await context.printList((await listHolds(store)).slice(0, limit), [
          { title: 'HOLD', value: (h) => h.id },
          { title: 'KIND', value: (h) => h.kind },
          { title: 'SUBJECT', value: (h) => h.subject, flexible: true },
          { title: 'RECORDS', value: (h) => String(h.records) },
          { title: 'SINCE', value: (h) => h.held_at },
          { title: 'REASON', value: (h) => h.reason, flexible: true },
        ]);
      }),
    );
}

interface DossierOptions {
  format?: 'json' | 'markdown';
  cluster?: string;
  node?: string;
  hold: boolean;
}

function registerDossier(evidence: Command, context: Context): void {
  evidence
    .command('dossier')
    .description('all that is known of a container that is gone, with the digests that prove it; its records are held')
    .argument('<container>', 'id of a container, or the beginning of it')
    .addOption(
      new Option('--format <format>', 'json or markdown (default: markdown, with --json: json)').choices([
        'json',
        'markdown',
      ]),
    )
    .option('--cluster <name>', 'of this cluster, where several have the id')
    .option('--node <name>', 'of this node')
    .option('--no-hold', 'do not hold its records')
    .addHelpText(
      'after',
      '\nExamples:\n  vestige evidence dossier 0abac51f > dossier.md\n  vestige evidence dossier 0abac51f --format json --no-hold',
    )
    .action(async (id: string, options: DossierOptions) => {
      if (options.format === 'markdown' && context.format() === 'json') {
        throw new CommandError(EXIT.usage, '--json and --format markdown ask for two things');
      }
      await context.withStore('vestige evidence dossier', async (store) => {
        const wanted = {
          container: id,
          cluster: options.cluster,
          node: options.node,
          sandboxes: true,
          limit: CANDIDATES_MAX + 1,
        };
        const key = pickOne(await listContainers(store, wanted), 'container', id, containerWords);
        const at = context.now();
        const dossier = await readDossier(store, key, at);
        if (!dossier) throw new CommandError(EXIT.notFound, `no container ${visible(id)}`);
        if (options.hold) await placeHold(store, { ...key, kind: 'dossier' }, 'a dossier was made', by(context));
        const detail = `vestige evidence dossier${options.hold ? '' : ' --no-hold'}`;
        await recordCustody(store, { at, actor: actor(), action: 'dossier', subject: key.container_id, detail });
        printDossier(dossier, options.format, context);
      });
    });
}

function printDossier(dossier: Dossier, format: DossierOptions['format'], context: Context): void {
  if (format === 'json') context.stdout.write(`${JSON.stringify(dossier, null, 2).replace(STEERING, escaped)}\n`);
  else context.printOne(dossier, () => dossierMarkdown(dossier).trimEnd());
}

// What JSON lets through and a terminal may obey: as escapes it means the same.
const STEERING = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
const escaped = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;

function containerWords(c: ContainerRow): string {
  return [c.container_id, podName(c), c.container_name || c.kind, c.node, shortTime(c.started_at)].join('  ');
}

function positive(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 1) throw new InvalidArgumentError('a whole number above 0');
  return n;
}

const actor = () => `${userInfo().username}@${hostname()}`;
const by = (context: Context) => ({ actor: actor(), now: context.now });

async function explained(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SealKeyError || error instanceof SealBusyError)
      throw new CommandError(EXIT.failed, error.message);
    throw error;
  }
}
