// Logs of any size in the shapes of the real recordings: pass after pass over them, each later in time and under new
// names, so that no record is there twice. The same kind, number and seed give the same bytes.
import { closeSync, openSync, writeSync } from 'node:fs';
import { type Pass, rename } from './rename.ts';
import { type Kind, type LineShape, type Recording, readRecordings } from './shapes.ts';

export interface GenerateOptions {
  kind: Kind;
  events: number;
  seed: number;
  /** Directory of the recordings. */
  fixtures: string;
  /** Lines of the recordings that are taken; all when left out. */
  only?: RegExp;
}

export interface Generated {
  events: number;
  lines: number;
  bytes: number;
}

const FIRST_SECOND = Date.UTC(2026, 0, 5) / 1000;
const BETWEEN_SECONDS = 30;
const WRITE_BYTES = 4 * 1024 * 1024;

export function generateFile(path: string, options: GenerateOptions): Generated {
  const file = openSync(path, 'w');
  let waiting: string[] = [];
  let waitingBytes = 0;
  const done: Generated = { events: 0, lines: 0, bytes: 0 };
  const flush = () => {
    const bytes = Buffer.from(waiting.join(''), 'latin1');
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    waiting = [];
    waitingBytes = 0;
  };
  try {
    for (const { lines, events } of passes(options)) {
      done.events += events;
      for (const line of lines) {
        waiting.push(line, '\n');
        waitingBytes += line.length + 1;
        done.bytes += line.length + 1;
        done.lines++;
        if (waitingBytes >= WRITE_BYTES) flush();
      }
    }
    flush();
  } finally {
    closeSync(file);
  }
  return done;
}

function* passes(options: GenerateOptions): Iterable<{ lines: Iterable<string>; events: number }> {
  const recordings = readRecordings(options.kind, options.fixtures, options.only);
  let left = options.events;
  let second = FIRST_SECOND;
  let serial = 1;
  for (let number = 0; left > 0; number++) {
    const recording = recordings[number % recordings.length] as Recording;
    const pass: Pass = {
      seed: options.seed,
      number,
      shiftSeconds: second - recording.startSeconds,
      shiftSerial: serial - recording.serials.min,
    };
    const events = Math.min(left, recording.events);
    yield { lines: linesOf(recording, pass, events), events };
    left -= events;
    second += recording.seconds + BETWEEN_SECONDS;
    serial += recording.serials.count;
  }
}

function* linesOf({ lines, names }: Recording, pass: Pass, events: number): Iterable<string> {
  const renamed: string[] = new Array(names.length);
  const nameOf = (slot: number): string => {
    const name = names[slot];
    renamed[slot] ??= name ? rename(name, pass) : '';
    return renamed[slot] as string;
  };
  for (const line of lines) if (line.event < events) yield textOf(line, nameOf);
}

function textOf({ literals, slots }: LineShape, nameOf: (slot: number) => string): string {
  let text = literals[0] ?? '';
  for (let i = 0; i < slots.length; i++) text += nameOf(slots[i] as number) + (literals[i + 1] ?? '');
  return text;
}
