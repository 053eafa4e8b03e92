// New names for one pass over a recording: the same original gives the same new name within the pass, another one in
// every other pass. Nothing is drawn from a clock or a random source: seed and pass decide everything.
import { createHash } from 'node:crypto';
import type { Name } from './shapes.ts';

export interface Pass {
  seed: number;
  /** Counts every pass over a recording. */
  number: number;
  shiftSeconds: number;
  shiftSerial: number;
}

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const PIDS_FROM = 1000; // below stand the node's own first processes
const PIDS_MAX = 4_194_304; // the kernel's bound on 64-bit machines
const PIDS_A_PASS = 40_009;

/** The new name, of the same form as the original. */
export function rename({ kind, original }: Name, pass: Pass): string {
  switch (kind) {
    case 'time':
      return shiftTime(original, pass.shiftSeconds);
    case 'audit-seconds':
      return String(Number(original) + pass.shiftSeconds);
    case 'serial':
      return String(Number(original) + pass.shiftSerial);
    case 'job-minute':
      return String(Number(original) + Math.floor(pass.shiftSeconds / 60));
    case 'revision':
      return String(Number(original) + pass.number * 100_000);
    case 'pid':
      return String(shiftPid(Number(original), pass.number));
    case 'uuid':
      return uuid(drawn(original, pass));
    case 'hex-id':
      return drawn(original, pass);
    case 'event-suffix':
      return `1${drawn(original, pass).slice(0, 15)}`;
    case 'suffix':
      return letters(drawn(original, pass));
    case 'coded-hex-id': {
      const id = Buffer.from(original.slice(-128), 'hex').toString('latin1');
      return original.slice(0, -128) + Buffer.from(drawn(id, pass)).toString('hex').toUpperCase();
    }
  }
}

// 64 hex digits; an id coded as hex is drawn by its plain text, so that both forms stay the same id
function drawn(original: string, pass: Pass): string {
  return createHash('sha256').update(`${pass.seed}/${pass.number}/${original}`).digest('hex');
}

function uuid(digits: string): string {
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `a${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-');
}

function letters(digits: string): string {
  return Array.from({ length: 5 }, (_, i) =>
    LETTERS.charAt(Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16) % LETTERS.length),
  ).join('');
}

function shiftTime(original: string, seconds: number): string {
  const separator = original.charAt(10);
  const at = Date.parse(`${original.replace(' ', 'T')}Z`) + seconds * 1000;
  return new Date(at).toISOString().slice(0, 19).replace('T', separator);
}

function shiftPid(pid: number, pass: number): number {
  if (pid < PIDS_FROM) return pid;
  return PIDS_FROM + ((pid - PIDS_FROM + pass * PIDS_A_PASS) % (PIDS_MAX - PIDS_FROM));
}
