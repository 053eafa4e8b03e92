// The list of commands, in the order of the help.
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { registerBaselines } from './baselines.ts';
import { registerChain } from './chain.ts';
import { registerChains } from './chains.ts';
import { registerCollect } from './collect.ts';
import { registerContainer } from './container.ts';
import { registerContainers } from './containers.ts';
import { registerCorrelate } from './correlate.ts';
import { registerDeadLetters } from './dead-letters.ts';
import { registerDecode } from './decode.ts';
import { registerDemo } from './demo.ts';
import { registerDoctor } from './doctor.ts';
import { registerEvents } from './events.ts';
import { registerEvidence } from './evidence.ts';
import { registerMaintenance, registerSuppress } from './exceptions.ts';
import { registerFindings } from './findings.ts';
import { registerGaps } from './gaps.ts';
import { registerIngest } from './ingest.ts';
import { registerLists } from './lists.ts';
import { registerLoad } from './load.ts';
import { registerPod } from './pod.ts';
import { registerProcesses } from './processes.ts';
import { registerRecord } from './record.ts';
import { registerReindex } from './reindex.ts';
import { registerRetention } from './retention.ts';
import { registerRules } from './rules.ts';
import { registerSearch } from './search.ts';
import { registerSession, registerSessions } from './sessions.ts';
import { registerUp } from './up.ts';
import { registerWho } from './who.ts';

type Register = (program: Command, context: Context) => void;

export const commands: readonly Register[] = [
  registerIngest, //
  registerDecode,
  registerCollect,
  registerLoad,
  registerCorrelate,
  registerFindings,
  registerBaselines,
  registerSuppress,
  registerMaintenance,
  registerLists,
  registerChains,
  registerChain,
  registerContainers,
  registerContainer,
  registerPod,
  registerWho,
  registerProcesses,
  registerSessions,
  registerSession,
  registerRecord,
  registerSearch,
  registerEvents,
  registerEvidence,
  registerRules,
  registerDeadLetters,
  registerGaps,
  registerReindex,
  registerDoctor,
  registerRetention,
  registerUp,
  registerDemo,
];
