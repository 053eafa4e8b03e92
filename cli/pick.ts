// The one thing that a name or the beginning of an id stands for: none is "not found", several are wrong usage that lists them.
import { CommandError, EXIT } from './context.ts';
import { visible } from './render/table.ts';

/** How many candidates a message lists. */
export const CANDIDATES_MAX = 10;

/** @param matches at most CANDIDATES_MAX + 1 of them */
export function pickOne<T>(matches: readonly T[], what: string, given: string, describe: (match: T) => string): T {
  const [only, another] = matches;
  if (only === undefined) throw new CommandError(EXIT.notFound, `no ${what} ${visible(given)}`);
  if (another === undefined) return only;
  const listed = matches.slice(0, CANDIDATES_MAX).map((match) => `  ${visible(describe(match))}`);
  const more = matches.length > CANDIDATES_MAX ? ['  ... and more'] : [];
  throw new CommandError(
    EXIT.usage,
    [`several match ${what} ${visible(given)}; give more of it:`, ...listed, ...more].join('\n'),
  );
}
