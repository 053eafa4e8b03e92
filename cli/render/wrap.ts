// Text broken at spaces to the width of a terminal; a word longer than a line stays whole, for it may be a path to copy.

/** Lines of at most `width` characters where words allow; the second line and later ones begin with `indent`. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  const [lead = ''] = /^ */.exec(text) ?? [];
  let line = lead;
  let words = 0;
  for (const word of text.slice(lead.length).split(' ')) {
    const longer = words === 0 ? line + word : `${line} ${word}`;
    if ([...longer].length > width && words > 0) {
      lines.push(line);
      line = indent + word;
      words = 1;
    } else {
      line = longer;
      words++;
    }
  }
  return [...lines, line].join('\n');
}
