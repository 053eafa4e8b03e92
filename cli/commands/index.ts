// The list of commands, in the order of the help. Each is loaded when it is asked for: what the others need costs a collector 40 MB, and every
// command a quarter of a second of processor time.
import type { Command } from 'commander';
import type { Context } from '../context.ts';

type Register = (program: Command, context: Context) => void;

const commands: Readonly<Record<string, () => Promise<Register>>> = {
  ingest: async () => (await import('./ingest.ts')).registerIngest,
  decode: async () => (await import('./decode.ts')).registerDecode,
  collect: async () => (await import('./collect.ts')).registerCollect,
  load: async () => (await import('./load.ts')).registerLoad,
  correlate: async () => (await import('./correlate.ts')).registerCorrelate,
  findings: async () => (await import('./findings.ts')).registerFindings,
  baselines: async () => (await import('./baselines.ts')).registerBaselines,
  suppress: async () => (await import('./exceptions.ts')).registerSuppress,
  maintenance: async () => (await import('./exceptions.ts')).registerMaintenance,
  indicators: async () => (await import('./lists.ts')).registerIndicators,
  'allowed-images': async () => (await import('./lists.ts')).registerAllowedImages,
  chains: async () => (await import('./chains.ts')).registerChains,
  chain: async () => (await import('./chain.ts')).registerChain,
  containers: async () => (await import('./containers.ts')).registerContainers,
  container: async () => (await import('./container.ts')).registerContainer,
  pod: async () => (await import('./pod.ts')).registerPod,
  who: async () => (await import('./who.ts')).registerWho,
  processes: async () => (await import('./processes.ts')).registerProcesses,
  sessions: async () => (await import('./sessions.ts')).registerSessions,
  session: async () => (await import('./sessions.ts')).registerSession,
  record: async () => (await import('./record.ts')).registerRecord,
  search: async () => (await import('./search.ts')).registerSearch,
  events: async () => (await import('./events.ts')).registerEvents,
  evidence: async () => (await import('./evidence.ts')).registerEvidence,
  rules: async () => (await import('./rules.ts')).registerRules,
  'dead-letters': async () => (await import('./dead-letters.ts')).registerDeadLetters,
  gaps: async () => (await import('./gaps.ts')).registerGaps,
  reindex: async () => (await import('./reindex.ts')).registerReindex,
  doctor: async () => (await import('./doctor.ts')).registerDoctor,
  retention: async () => (await import('./retention.ts')).registerRetention,
  up: async () => (await import('./up.ts')).registerUp,
  demo: async () => (await import('./demo.ts')).registerDemo,
};

/** Registers those that the arguments name, wherever in them; all where they name none: for the help, and for what is misspelt. */
export async function registerCommands(args: readonly string[], program: Command, context: Context): Promise<void> {
  const all = Object.keys(commands);
  const named = all.filter((name) => args.includes(name));
  const registers = await Promise.all((named.length > 0 ? named : all).map((name) => commands[name]?.()));
  for (const register of registers) register?.(program, context);
}
