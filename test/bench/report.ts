// The table of the bench: what was measured, against what it may be.

export interface Line {
  what: string;
  value: string;
  target: string;
  met: boolean | undefined;
}

export function ratioLine(what: string, value: number, most: number, detail = ''): Line {
  return { what, value: `${value.toFixed(2)}${detail && `  ${detail}`}`, target: `<= ${most}`, met: value <= most };
}

export function rateLine(what: string, value: number, least: number, detail = ''): Line {
  return { what, value: `${value.toFixed(0)}${detail && `  ${detail}`}`, target: `>= ${least}`, met: value >= least };
}

export const noteLine = (what: string, value: string): Line => ({ what, value, target: '', met: undefined });

export function print(lines: readonly Line[]): void {
  const width = (of: (line: Line) => string) => Math.max(...lines.map((line) => of(line).length));
  const [whatWidth, targetWidth] = [width((l) => l.what), width((l) => l.target)];
  for (const { what, value, target, met } of lines) {
    const mark = met === undefined ? '    ' : met ? 'met ' : 'OVER';
    process.stdout.write(`${mark}  ${what.padEnd(whatWidth)}  ${target.padEnd(targetWidth)}  ${value}\n`);
  }
}
