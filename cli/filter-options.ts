// The options that lists over the three layers share: --since, --until, --pod ... --limit, and what they mean.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type EventFilter, LAYERS, type Layer, LIMIT_DEFAULT } from '../analytics/queries/event-filter.ts';
import type { Context } from './context.ts';
import { parseTime } from './time.ts';

export interface FilterOptions {
  since?: string;
  until?: string;
  layer?: Layer;
  cluster?: string;
  node?: string;
  namespace?: string;
  pod?: string;
  container?: string;
  principal?: string;
  limit: number;
}

export function addTimes(command: Command): Command {
  return command
    .option('--since <time>', 'from this instant: RFC 3339, a date, or -2h for two hours ago')
    .option('--until <time>', 'before this instant');
}

/** Where: names may hold * for any text. */
export function addPlaces(command: Command): Command {
  return command
    .option('--cluster <name>', 'of this cluster')
    .option('--node <name>', 'of this node')
    .option('--namespace <name>', 'of this Kubernetes namespace')
    .option('--pod <name>', 'of this pod: NAME, NAMESPACE/NAME or uid; * stands for any text, as in all names here')
    .option('--container <id>', 'of this container: its id or the beginning of it');
}

export function addLayer(command: Command): Command {
  return command
    .addOption(new Option('--layer <layer>', 'one of the three layers').choices(LAYERS))
    .option('--principal <name>', 'by this user or service account');
}

export function addLimit(command: Command): Command {
  return command.option('--limit <n>', 'at most so many', parseLimit, LIMIT_DEFAULT);
}

export function readFilter(options: FilterOptions, context: Context): EventFilter & { limit: number } {
  const { since, until, ...rest } = options;
  return {
    ...rest,
    ...(since === undefined ? {} : { since: parseTime(since, '--since', context.now()) }),
    ...(until === undefined ? {} : { until: parseTime(until, '--until', context.now()) }),
  };
}

function parseLimit(text: string): number {
  const n = Number(text);
  if (!/^\d+$/.test(text) || n < 1 || !Number.isSafeInteger(n + 1)) {
    throw new InvalidArgumentError('a whole number from 1 on');
  }
  return n;
}
