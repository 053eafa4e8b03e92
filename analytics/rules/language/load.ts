// A directory of rules, Vestige's own or anybody's: every .yml and .yaml below it.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseRules } from './parse.ts';
import type { Rule, RuleProblem } from './rule.ts';

export interface LoadedRules {
  rules: Rule[];
  /** What could not be understood; the other rules stand. */
  problems: RuleProblem[];
}

/** Rules of a directory, in order of their paths. Problems name files relative to it. */
export async function loadRules(directory: string): Promise<LoadedRules> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const loaded: LoadedRules = { rules: [], problems: [] };
  const paths = new Map<string, string>();
  for (const file of files) {
    const parsed = parseRules(readFileSync(file, 'utf8'), relative(directory, file));
    loaded.problems.push(...parsed.problems);
    for (const rule of parsed.rules) {
      const other = paths.get(rule.id);
      if (other === undefined) {
        paths.set(rule.id, rule.path);
        loaded.rules.push(rule);
      } else loaded.problems.push({ path: rule.path, at: 'id', detail: `${other} has the same id` });
    }
  }
  return loaded;
}
