// What rules and correlations say of themselves: Sigma's metadata and Vestige's additions (`x-vestige`). What is only not as the
// specification has it is a warning, and the rule stands.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Case, caseOf } from './case.ts';
import type { RuleDocument } from './documents.ts';
import { LEVELS, type RuleHead, SIGNALS } from './rule.ts';

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

const lowerCase = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value);

export const Head = z.object({
  title: z.string().min(1),
  id: z.string().min(1).optional(),
  name: z.string().min(1).optional(),
  description: z.string().default(''),
  references: texts.default([]),
  tags: z.array(z.coerce.string()).default([]),
  level: z.preprocess(lowerCase, z.enum(LEVELS)).default('medium'),
  falsepositives: texts.default([]),
  'x-vestige': Extras.optional(),
});
export type Head = z.infer<typeof Head>;

export function headOf(head: Head, { path, lines }: RuleDocument): Omit<RuleHead, 'generates'> {
  const extras = head['x-vestige'];
  const attack = head.tags.filter((tag) => tag.startsWith('attack.')).map((tag) => tag.slice('attack.'.length));
  const isTechnique = (tag: string) => /^t\d{4}(\.\d{3})?$/.test(tag);
  return {
    id: head.id ?? idOf(path, head.title),
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
    lines,
  };
}

/** A rule without an id has one of its file and title, which stays while these do. In the form of a UUID (version 8: one's own). */
function idOf(path: string, title: string): string {
  const hex = createHash('sha256').update(`${path}\0${title}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const STATUSES = ['stable', 'test', 'experimental', 'deprecated', 'unsupported'];
/** As the specification's schema has it. */
const TAG = /^[a-z0-9_-]+\.[a-z0-9._-]+$/;
const DATE = /^\d{4}-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])$/;
const TITLE_MAX = 256;

/** What is not as the specification has it, though the rule can be run. */
export function warnOfHead(
  head: Head,
  document: Record<string, unknown>,
  warn: (at: string, detail: string, remedy: string) => void,
): void {
  if (head.id === undefined)
    warn('id', 'no id', 'give it a UUID: without, its findings change their names with its file');
  else if (!UUID.test(head.id)) warn('id', `"${head.id}" is no UUID`, 'write a UUID of version 4');
  if (head.title.length > TITLE_MAX) warn('title', `a title of more than ${TITLE_MAX} characters`, 'shorten it');
  for (const [i, tag] of head.tags.entries()) {
    if (!TAG.test(tag))
      warn(`tags[${i}]`, `the tag "${tag}" has no namespace`, 'write it in lower case, as attack.t1059');
  }
  const status = document['status'];
  if (status !== undefined && !STATUSES.includes(String(status))) {
    warn('status', `"${String(status)}" is no status`, `write one of ${STATUSES.join(', ')}`);
  }
  if (status === 'deprecated' || status === 'unsupported') {
    warn('status', `a rule that calls itself ${status} is run`, 'take it out of the directory');
  }
  for (const key of ['date', 'modified']) {
    const value = document[key];
    if (value !== undefined && !DATE.test(String(value))) warn(key, 'not a date', 'write it as 2025-08-02');
  }
  const taxonomy = document['taxonomy'];
  if (taxonomy !== undefined && taxonomy !== 'sigma') {
    warn(
      'taxonomy',
      `names of the taxonomy "${String(taxonomy)}" are taken as they are`,
      'write the names of the log source',
    );
  }
}
