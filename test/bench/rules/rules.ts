// The pack, and the public rules for Linux and Kubernetes where they are at hand, over decoded events.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fillStore, runProgram } from '../entities/entities.ts';
import { type Line, noteLine, ratioLine } from '../report.ts';

const PACK = 'analytics/rules/pack';
const PUBLIC = ['../shared/data/sigma/rules', '../../shared/data/sigma/rules'];
/** Events a second of processor time. */
const RATE_LEAST = 250_000;
const DOUBLE_MOST = 1.6;
/** Of all events, as in the recordings. */
const AUDITD_SHARE = 0.81;

interface Cost {
  seconds: number;
  events: number;
  rules: number;
  hits: number;
  peakMB: number;
}

/** @param events of all three layers */
export function measureRules(events: number, directory: string, program: string): Line[] {
  const store = join(directory, 'rules');
  fillStore(program, store, Math.round(events * AUDITD_SHARE), directory);
  runProgram(['test/bench/start.mjs', 'entities', `embedded:${store}`]);
  const others = PUBLIC.filter((path) => existsSync(path)).slice(0, 1);
  const cost = (...options: string[]): Cost =>
    JSON.parse(
      runProgram(['test/bench/start.mjs', 'rules', `embedded:${store}`, PACK, ...others, ...options])
        .trim()
        .split('\n')
        .at(-1) ?? '',
    );
  const half = cost('--half');
  const all = cost();
  rmSync(store, { recursive: true });
  const rate = all.events / all.seconds;
  return [
    noteLine('rules: half of them', `${half.rules} rules, ${half.seconds.toFixed(1)} s, ${half.hits} hits`),
    ratioLine(
      `rules: ${RATE_LEAST} events a second / what it is`,
      RATE_LEAST / rate,
      1,
      `${Math.round(rate)} events a second of processor time: ${all.rules} rules, ${all.events} events, ${all.seconds.toFixed(1)} s, ${all.hits} hits, peak ${all.peakMB} MB`,
    ),
    ratioLine('rules: twice the rules', all.seconds / half.seconds, DOUBLE_MOST),
  ];
}
