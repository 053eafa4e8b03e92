// The line of a place in a rule's document.
import type { Rule, RuleProblem } from './rule.ts';

/** Lines by place, as `detection.selection.verb` and `tags[0]`; '' is the document itself. */
export type Lines = ReadonlyMap<string, number>;

/** Of the place, or of the nearest that holds it. */
export function lineOf(lines: Lines, at: string): number | undefined {
  for (let place = at; ; ) {
    const line = lines.get(place);
    if (line !== undefined || place === '') return line;
    const cut = Math.max(place.lastIndexOf('.'), place.lastIndexOf('['));
    place = cut < 0 ? '' : place.slice(0, cut);
  }
}

/** Problems of whole rules (of check.ts, say), with the lines of what they speak of. */
export function withLines(problems: readonly RuleProblem[], rules: readonly Rule[]): RuleProblem[] {
  const lines = new Map(rules.map((rule) => [rule.path, rule.lines]));
  return problems.map((problem) => {
    const ofRule = lines.get(problem.path);
    return { ...problem, line: problem.line ?? (ofRule && lineOf(ofRule, problem.at)) };
  });
}
