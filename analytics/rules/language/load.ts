// A directory of rules, Vestige's own or anybody's: every .yml and .yaml below it. Or one file.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type RuleDocument, readDocuments } from './documents.ts';
import { lineOf } from './lines.ts';
import { type ParsedRules, parseDocuments } from './parse.ts';
import type { RuleProblem } from './rule.ts';

export type LoadedRules = ParsedRules;

/** Rules of a directory, in order of their paths, or of one file. Problems name files relative to the directory. */
export async function loadRules(path: string): Promise<LoadedRules> {
  const isFile = statSync(path).isFile();
  const directory = isFile ? dirname(path) : path;
  const files = isFile ? [path] : filesBelow(path);
  const documents: RuleDocument[] = [];
  const problems: RuleProblem[] = [];
  for (const file of files) {
    const read = readDocuments(readFileSync(file, 'utf8'), relative(directory, file));
    documents.push(...read.documents);
    problems.push(...read.problems);
  }
  const parsed = parseDocuments(documents);
  return withoutDoubles({ ...parsed, problems: [...problems, ...parsed.problems] });
}

const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

/** Of several rules with one id the first stands; a name that several have is told. */
function withoutDoubles({ rules, problems, warnings }: ParsedRules): LoadedRules {
  const loaded: LoadedRules = { rules: [], problems: [...problems], warnings: [...warnings] };
  const ofId = new Map<string, string>();
  const ofName = new Map<string, string>();
  for (const rule of rules) {
    const { id, name = '', path } = rule;
    const other = ofId.get(id);
    if (other !== undefined) {
      const line = lineOf(rule.lines, 'id');
      loaded.problems.push({
        path,
        line,
        at: 'id',
        detail: `${other} has the same id`,
        remedy: 'give it one of its own',
      });
      continue;
    }
    ofId.set(id, path);
    loaded.rules.push(rule);
    const named = name === '' ? undefined : ofName.get(name);
    if (named === undefined) ofName.set(name, path);
    else {
      const detail = `${named} has the same name: correlations and filters mean that one`;
      const line = lineOf(rule.lines, 'name');
      loaded.warnings.push({ path, line, at: 'name', detail, remedy: 'give it one of its own', level: 'warning' });
    }
  }
  return loaded;
}
