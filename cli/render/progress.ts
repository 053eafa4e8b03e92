// A progress bar on stderr, with rate and time left; silent where stderr is no terminal.
import type { Output } from './rows.ts';

const REDRAW_MS = 100;
const BAR_WIDTH = 24;

export interface ProgressBar {
  show(progress: { bytesRead: number; bytesTotal: number }): void;
  clear(): void;
}

export function createProgressBar(out: Output, now: () => Date): ProgressBar {
  const start = now().getTime();
  let drawn = 0;
  return {
    show: ({ bytesRead, bytesTotal }) => {
      const t = now().getTime();
      if (!out.isTTY || t - drawn < REDRAW_MS) return;
      drawn = t;
      out.write(`\r${renderProgress(bytesRead, bytesTotal, t - start)}\u001b[K`);
    },
    clear: () => {
      if (out.isTTY) out.write('\r\u001b[K');
    },
  };
}

export function renderProgress(bytesRead: number, bytesTotal: number, elapsedMs: number): string {
  const share = bytesTotal === 0 ? 1 : Math.min(1, bytesRead / bytesTotal);
  const filled = Math.round(share * BAR_WIDTH);
  const perSecond = elapsedMs > 0 ? (bytesRead / elapsedMs) * 1000 : 0;
  const secondsLeft = perSecond > 0 ? Math.ceil((bytesTotal - bytesRead) / perSecond) : undefined;
  const left = secondsLeft === undefined ? '' : `, ${secondsLeft} s left`;
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${Math.round(share * 100)} %  ${(perSecond / 1e6).toFixed(1)} MB/s${left}`;
}
