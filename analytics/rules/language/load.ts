// A directory of rules, Vestige's own or anybody's: every .yml and .yaml below it. Or one file.
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { type RuleDocument, readDocuments } from './documents.ts';
import { lineOf } from './lines.ts';
import { type ParsedRules, parseDocuments } from './parse.ts';
import type { RuleProblem } from './rule.ts';

export type LoadedRules = ParsedRules;

/** Rules of a directory, in order of their paths, or of one file. Problems name files relative to the directory. */
export async function loadRules(path: string): Promise<LoadedRules> {
  const isFile = statSync(path).isFile();
  const directory = isFile ? dirname(path) : path;
  const { files, broken } = isFile ? { files: [path], broken: [] } : filesBelow(path);
  const documents: RuleDocument[] = [];
  const problems: RuleProblem[] = broken.map((link) => ({
    path: relative(directory, link),
    line: 1,
    at: '',
    detail: 'a link that leads nowhere',
    remedy: 'remove it, or put back what it leads to',
  }));
  for (const file of files) {
    const read = readDocuments(readFileSync(file, 'utf8'), relative(directory, file));
    documents.push(...read.documents);
    problems.push(...read.problems);
  }
  const parsed = parseDocuments(documents);
  return withoutDoubles({ ...parsed, problems: [...problems, ...parsed.problems] });
}

/** Links are followed; what several paths lead to stands once, by the shortest: a mounted ConfigMap has each file three times. */
function filesBelow(top: string): { files: string[]; broken: string[] } {
  const found: string[] = [];
  const broken: string[] = [];
  const above = new Set<string>(); // a link to a directory that it is in would have no end
  const walk = (directory: string) => {
    const real = realpathSync(directory);
    if (above.has(real)) return;
    above.add(real);
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      const isRule = /\.ya?ml$/.test(entry.name);
      const to = entry.isSymbolicLink() ? targetOf(path) : entry;
      if (to?.isDirectory()) walk(path);
      else if (to?.isFile() && isRule) found.push(path);
      else if (to === undefined && isRule) broken.push(path);
    }
    above.delete(real);
  };
  walk(top);
  const depth = (path: string) => path.split(sep).length;
  const ofFile = new Map<string, string>();
  for (const path of found.sort((a, b) => depth(b) - depth(a) || (a < b ? 1 : -1)))
    ofFile.set(realpathSync(path), path);
  return { files: [...ofFile.values()].sort(), broken };
}

function targetOf(link: string) {
  try {
    return statSync(link);
  } catch {
    return undefined; // to nothing, or to itself
  }
}

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
