// A YAML file to rules. Every part is checked; what is wrong comes back as a value with file and place, never half a rule.
// Specification: https://github.com/SigmaHQ/sigma-specification (Sigma 2.1)
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { ConditionError } from './boolean.ts';
import { Case, caseOf } from './case.ts';
import { parseCondition } from './condition.ts';
import { parseCorrelation } from './correlation.ts';
import { DetectionError, parsePart } from './detection.ts';
import type { Expression } from './expression.ts';
import { LEVELS, type Rule, type RuleProblem, SIGNALS } from './rule.ts';

const texts = z.union([z.string(), z.array(z.string())]).transform((value) => (Array.isArray(value) ? value : [value]));

const Extras = z.strictObject({
  sentence: z.string().optional(),
  signal: z.enum(SIGNALS).optional(),
  /** What an analyst asks that this rule answers. */
  question: z.string().optional(),
  /** Why `level` is what it is. */
  level_reason: z.string().optional(),
  zh: z.strictObject({ title: z.string().min(1), description: z.string().min(1) }).optional(),
  /** Techniques of the matrix of attacks on containers, as IA-01. */
  matrix: z.array(z.string().regex(/^[A-Z]{2}-\d{2}$/)).default([]),
  blind_spots: texts.default([]),
  cases: z.strictObject({ match: z.array(Case).default([]), miss: z.array(Case).default([]) }).optional(),
});

const Head = z.object({
  title: z.string().min(1),
  id: z.guid(),
  name: z.string().optional(),
  description: z.string().default(''),
  references: texts.default([]),
  tags: z.array(z.string()).default([]),
  level: z.enum(LEVELS).default('medium'),
  falsepositives: texts.default([]),
  'x-vestige': Extras.optional(),
});

const EventBody = z.object({
  logsource: z.object({
    category: z.string().optional(),
    product: z.string().optional(),
    service: z.string().optional(),
  }),
  detection: z.record(z.string(), z.unknown()),
  // Sigma 2.1 gives correlations `generate`; Vestige lets an event rule say it too
  generate: z.boolean().optional(),
});

interface Parsed {
  rules: Rule[];
  problems: RuleProblem[];
}

/** Rules of one file; `path` is how problems name it. */
export function parseRules(text: string, path: string): Parsed {
  const parsed: Parsed = { rules: [], problems: [] };
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return parsed; // nothing in it
  documents.forEach((document, i) => {
    const where = documents.length > 1 ? `${path}#${i + 1}` : path;
    const [error] = document.errors;
    if (error) {
      const line = error.linePos?.[0].line;
      const detail = error.message.split('\n')[0] ?? '';
      parsed.problems.push({ path: where, at: line === undefined ? '' : `line ${line}`, detail });
      return;
    }
    const outcome = parseRule(contentOf(document), where);
    if ('problems' in outcome) parsed.problems.push(...outcome.problems);
    else parsed.rules.push(outcome.rule);
  });
  return parsed;
}

// Aliases may name what is not there, or more than memory holds: yaml counts and throws.
function contentOf(document: { toJS(): unknown }): unknown {
  try {
    return document.toJS();
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

type Outcome = { rule: Rule } | { problems: RuleProblem[] };

function parseRule(document: unknown, path: string): Outcome {
  const head = Head.safeParse(document);
  if (!head.success) return { problems: fromZod(head.error, path) };
  const common = headOf(head.data, path);
  if (typeof document === 'object' && document !== null && 'correlation' in document) {
    const problems: RuleProblem[] = [];
    const { correlation, generate } = document as { correlation: unknown; generate?: unknown };
    const body = parseCorrelation(correlation, generate, (at, detail, remedy) =>
      problems.push({ path, at, detail, remedy }),
    );
    if (body === undefined) return { problems };
    return { rule: { ...common, kind: 'correlation', ...body, generates: undefined } };
  }
  const body = EventBody.safeParse(document);
  if (!body.success) return { problems: fromZod(body.error, path) };
  const { category, product, service } = body.data.logsource;
  try {
    const condition = parseDetection(body.data.detection);
    const generates = body.data.generate;
    return { rule: { ...common, kind: 'event', logsource: { category, product, service }, condition, generates } };
  } catch (error) {
    if (error instanceof DetectionError) return { problems: [{ path, at: error.at, detail: error.message }] };
    if (error instanceof ConditionError)
      return { problems: [{ path, at: 'detection.condition', detail: error.message }] };
    throw error;
  }
}

function parseDetection(detection: Record<string, unknown>): Expression {
  const { condition, timeframe, ...parts } = detection;
  if (timeframe !== undefined) {
    throw new DetectionError('detection.timeframe', 'timeframe is no part of Sigma 2: write a correlation');
  }
  if (typeof condition !== 'string') throw new DetectionError('detection.condition', 'a condition is one string');
  const expressions = new Map<string, Expression>();
  for (const [name, part] of Object.entries(parts)) expressions.set(name, parsePart(part, `detection.${name}`));
  return parseCondition(condition, expressions);
}

function headOf(head: z.infer<typeof Head>, path: string) {
  const extras = head['x-vestige'];
  const attack = head.tags.filter((tag) => tag.startsWith('attack.')).map((tag) => tag.slice('attack.'.length));
  const isTechnique = (tag: string) => /^t\d{4}(\.\d{3})?$/.test(tag);
  return {
    id: head.id,
    name: head.name,
    title: head.title,
    description: head.description,
    severity: head.level,
    techniques: attack.filter(isTechnique).map((tag) => tag.toUpperCase()),
    tactics: attack.filter((tag) => !/^[tgs]\d{4}/.test(tag)).map((tag) => tag.replaceAll('_', '-')),
    references: head.references,
    falsePositives: head.falsepositives,
    blindSpots: extras?.blind_spots ?? [],
    signal: extras?.signal,
    question: extras?.question,
    severityReason: extras?.level_reason,
    chinese: extras?.zh,
    matrix: extras?.matrix ?? [],
    sentence: extras?.sentence,
    cases: { match: (extras?.cases?.match ?? []).map(caseOf), miss: (extras?.cases?.miss ?? []).map(caseOf) },
    path,
  };
}

function fromZod(error: z.ZodError, path: string): RuleProblem[] {
  return error.issues.map((issue) => ({ path, at: issue.path.join('.'), detail: issue.message }));
}
