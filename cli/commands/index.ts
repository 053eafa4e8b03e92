// The list of commands, in the order of the help.
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { registerCorrelate } from './correlate.ts';
import { registerIngest } from './ingest.ts';

type Register = (program: Command, context: Context) => void;

export const commands: readonly Register[] = [
  registerIngest, //
  registerCorrelate,
];
