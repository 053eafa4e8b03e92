// A YAML file to rules. Every part is checked; what is wrong comes back as a value with file, line and remedy, never half a rule.
// Specification: https://github.com/SigmaHQ/sigma-specification (Sigma 2.1)
import { z } from 'zod';
import { ConditionError } from './boolean.ts';
import { parseCondition, unusedParts } from './condition.ts';
import { parseCorrelation } from './correlation.ts';
import { DetectionError, type DetectionScope, parsePart } from './detection.ts';
import { type RuleDocument, readDocuments } from './documents.ts';
import { type Expression, or } from './expression.ts';
import { applyFilters, type Filter } from './filters.ts';
import { Head, headOf, warnOfHead } from './head.ts';
import { lineOf } from './lines.ts';
import { nearest } from './nearest.ts';
import { readPlaceholders } from './placeholders.ts';
import { LEVELS, type LogSource, type Rule, type RuleProblem } from './rule.ts';

export interface ParsedRules {
  rules: Rule[];
  /** What could not be understood; the other rules stand. */
  problems: RuleProblem[];
  /** What is understood and yet not as it should be. */
  warnings: RuleProblem[];
}

/** Rules of one file; `path` is how problems name it. */
export function parseRules(text: string, path: string): ParsedRules {
  const { documents, problems } = readDocuments(text, path);
  const parsed = parseDocuments(documents);
  return { ...parsed, problems: [...problems, ...parsed.problems] };
}

/** Rules of all documents that are loaded together: placeholders and filters among them are for the rules of all. */
export function parseDocuments(documents: readonly RuleDocument[]): ParsedRules {
  const parsed: ParsedRules = { rules: [], problems: [], warnings: [] };
  const tellOf =
    ({ path, lines }: RuleDocument, to: RuleProblem[], level?: 'warning'): Tell =>
    (at, detail, remedy) =>
      to.push({ path, line: lineOf(lines, at), at, detail, remedy, ...(level && { level }) });
  const placeholders = new Map<string, readonly string[]>();
  for (const document of documents.filter(isPlaceholders)) {
    const read = readPlaceholders(document.value['placeholders']);
    for (const [name, values] of read ?? []) placeholders.set(name, values);
    if (!read) tellOf(document, parsed.problems)('placeholders', 'not a map of texts', 'write name: [value, ...]');
  }
  const filters: Filter[] = [];
  for (const document of documents) {
    if (isPlaceholders(document)) continue;
    const tell = tellOf(document, parsed.problems);
    const warn = tellOf(document, parsed.warnings, 'warning');
    const outcome = parseDocument(document, { placeholders, written: document.written, warn }, tell);
    if (outcome === undefined) continue;
    if (outcome.kind === 'filter') filters.push(outcome);
    else parsed.rules.push(outcome);
  }
  const filtered = applyFilters(parsed.rules, filters);
  parsed.rules = filtered.rules;
  parsed.warnings.push(...filtered.warnings);
  return parsed;
}

type Tell = (at: string, detail: string, remedy: string) => void;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isPlaceholders = (
  document: RuleDocument,
): document is RuleDocument & { value: { placeholders: unknown } & Record<string, unknown> } =>
  isMap(document.value) && 'placeholders' in document.value && !('detection' in document.value);

const KINDS = ['detection', 'correlation', 'filter'] as const;

/** Undefined when anything was told. */
function parseDocument(document: RuleDocument, scope: DetectionScope, tell: Tell): Rule | Filter | undefined {
  const { value } = document;
  if (!isMap(value)) return told(tell, '', 'a rule is a map', 'write title, logsource and detection');
  if ('action' in value) {
    return told(
      tell,
      'action',
      'no such action, or nothing before it',
      'write each rule out, in a document of its own',
    );
  }
  const kinds = KINDS.filter((kind) => kind in value);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) return noRule(value, kinds, tell);
  // what is written and left empty is not there
  const given = Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null));
  const head = Head.safeParse(given);
  if (!head.success) return tellIssues(head.error, tell);
  const common = headOf(head.data, document);
  if (kind !== 'filter') warnOfHead(head.data, given, scope.warn);
  const generate = z.boolean().optional().safeParse(given['generate']);
  if (!generate.success) return told(tell, 'generate', 'expected true or false', 'write true or false');
  if (kind === 'correlation') {
    const body = parseCorrelation(given['correlation'], generate.data, tell);
    return body && { ...common, kind: 'correlation', ...body, generates: undefined };
  }
  const logsource = logsourceOf(given['logsource'], tell);
  if (kind === 'filter') return parseFilter(given['filter'], { ...document, ...common, logsource }, scope, tell);
  const condition = parseDetection(given['detection'], 'detection', scope, tell);
  if (logsource === undefined || condition === undefined) return undefined;
  return { ...common, kind: 'event', logsource, condition, generates: generate.data };
}

function told(tell: Tell, ...problem: Parameters<Tell>): undefined {
  tell(...problem);
}

function noRule(value: Record<string, unknown>, kinds: readonly string[], tell: Tell): undefined {
  if (kinds.length > 1) {
    return told(
      tell,
      kinds[1] ?? '',
      `${kinds.join(' and ')} in one document`,
      'write two documents, with --- between',
    );
  }
  const near = Object.keys(value).find((key) => nearest(key, KINDS) !== undefined);
  const remedy = near === undefined ? 'write one of them' : `did you mean ${nearest(near, KINDS)}?`;
  tell(near ?? '', 'neither detection, correlation nor filter', remedy);
}

const Logsource = z.object({
  category: z.string().nullish(),
  product: z.string().nullish(),
  service: z.string().nullish(),
});

function logsourceOf(value: unknown, tell: Tell): LogSource | undefined {
  const read = Logsource.safeParse(value);
  const { category, product, service } = read.data ?? {};
  if (read.success && (category || product || service)) {
    return { category: category || undefined, product: product || undefined, service: service || undefined };
  }
  const detail = value === undefined ? 'no logsource' : 'a logsource names category, product or service';
  return told(tell, 'logsource', detail, 'write logsource: {product: ..., service: ...}, in lower case');
}

/** Parts and the condition over them, below `within`; undefined when anything was told, of which as much as there is. */
function parseDetection(value: unknown, within: string, scope: DetectionScope, tell: Tell): Expression | undefined {
  if (!isMap(value)) return told(tell, within, `a ${within} is a map`, 'write selections and a condition below it');
  const { condition, timeframe, ...parts } = value;
  let sound = true;
  const tellAll: Tell = (at, detail, remedy) => {
    sound = false;
    tell(at, detail, remedy);
  };
  if (timeframe !== undefined) {
    const remedy = `write a correlation over this rule, with timespan: ${String(timeframe)}`;
    // beside an aggregation, which is refused, it is half of what is meant; alone it says nothing
    const isMeant = [condition].flat().some((one) => String(one).includes('|'));
    (isMeant ? tellAll : scope.warn)(`${within}.timeframe`, 'timeframe is no part of Sigma 2', remedy);
  }
  const expressions = new Map<string, Expression>();
  for (const [name, part] of Object.entries(parts))
    expressions.set(name, parseNamed(part, `${within}.${name}`, scope, tellAll));
  const conditions: unknown[] = Array.isArray(condition) ? condition : [condition];
  if (conditions.length === 0 || !conditions.every((one) => typeof one === 'string')) {
    tellAll(
      `${within}.condition`,
      condition === undefined ? 'no condition' : 'a condition is text',
      'as condition: selection',
    );
    return undefined;
  }
  const parsed = conditions.map((text) =>
    parseOneCondition(text, expressions, (detail, remedy) => tellAll(`${within}.condition`, detail, remedy)),
  );
  if (!sound) return undefined;
  for (const part of unusedParts(conditions, Object.keys(parts))) {
    scope.warn(`${within}.${part}`, `no condition speaks of "${part}"`, 'name it in the condition, or take it out');
  }
  return or(parsed);
}

/** Stands for what is wrong until all is told. */
const NOTHING: Expression = { kind: 'or', of: [] };

function parseNamed(part: unknown, at: string, scope: DetectionScope, tell: Tell): Expression {
  try {
    return parsePart(part, at, scope);
  } catch (error) {
    if (!(error instanceof DetectionError)) throw error;
    tell(error.at, error.message, error.remedy);
    return NOTHING;
  }
}

function parseOneCondition(
  text: string,
  parts: ReadonlyMap<string, Expression>,
  tell: (detail: string, remedy: string) => void,
): Expression {
  try {
    return parseCondition(text, parts);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    tell(error.message, error.remedy);
    return NOTHING;
  }
}

type FilterHead = Pick<Filter, 'path' | 'lines' | 'title'> & { logsource: LogSource | undefined };

function parseFilter(value: unknown, head: FilterHead, scope: DetectionScope, tell: Tell): Filter | undefined {
  const { path, lines, title, logsource } = head;
  const { rules, ...detection } = isMap(value) ? value : { rules: undefined };
  const listed: unknown[] = Array.isArray(rules) ? rules : [rules];
  if (!listed.every((one): one is string => typeof one === 'string' && one !== '') || listed.length === 0) {
    return told(tell, 'filter.rules', 'a filter names rules', 'write rules: any, or a list of ids or names');
  }
  const condition = parseDetection(detection, 'filter', scope, tell);
  if (condition === undefined || logsource === undefined) return undefined;
  if (condition.kind !== 'not' && !/\bnot\b/i.test(String(detection['condition']))) {
    const remedy = 'to leave out what the selection matches: condition: not selection';
    scope.warn('filter.condition', 'the filtered rules match only what this matches too', remedy);
  }
  const isAny = listed.length === 1 && listed[0]?.toLowerCase() === 'any';
  return { kind: 'filter', path, lines, title, logsource, rules: isAny ? 'any' : listed, condition };
}

function tellIssues(error: z.ZodError, tell: Tell): undefined {
  for (const issue of error.issues) {
    const at = issue.path.reduce<string>(
      (place, part) =>
        typeof part === 'number' ? `${place}[${part}]` : place === '' ? String(part) : `${place}.${String(part)}`,
      '',
    );
    if (at === 'title') tell(at, 'a rule needs a title', 'write title: what it detects');
    else if (at === 'level') tell(at, 'no such level', `write one of ${LEVELS.join(', ')}`);
    else tell(at, issue.message, 'the reference of rules says what stands here');
  }
}
