// The sample recording, whole and in parts.
import { readFileSync } from 'node:fs';
import { decompress } from 'fzstd';

export const RECORDING = 'test/fixtures/recordings/web-to-cluster';

/** The first lines of one of its logs, with their newlines. */
export function linesOf(
  log: 'audit.log' | 'k8s-audit.log' | 'containerd-events.log',
  count = Number.POSITIVE_INFINITY,
): string[] {
  const text = Buffer.from(decompress(readFileSync(`${RECORDING}/${log}.zst`))).toString('latin1');
  return text
    .split('\n')
    .slice(0, -1)
    .slice(0, count)
    .map((line) => `${line}\n`);
}

export const bytesOf = (lines: readonly string[]): Buffer => Buffer.from(lines.join(''), 'latin1');
