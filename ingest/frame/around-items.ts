// What stands around the items of a list, counted for the books (docs/reference/accounting.md): which lines an item begins on or goes over,
// which only hold brackets and keys, which nothing.

export interface Around {
  /** Begun, those inside of items too. */
  lines: number;
  /** Newlines, those inside of items too, and carriage returns of blank lines. */
  separatorBytes: number;
  /** All other bytes that are in no item. */
  ignoredBytes: number;
  /** Lines that no item touches. */
  ignoredLines: number;
  blankLines: number;
  /** Items that begin on a line that an earlier one touches. */
  furtherRecords: number;
}

export interface AroundCounter {
  /** A newline that is in no item. @param afterReturn whether a carriage return stands before it */
  endLine(offset: number, afterReturn: boolean): void;
  /** A newline of an item. */
  foldLine(): void;
  /** An item begins: whether it does on a line that another one touches. */
  begin(): boolean;
  /** What had begun is no item: its lines are of the list around. */
  takeBack(onTakenLine: boolean, newlines: number): void;
  /** Bytes of an item, all or a piece of it. */
  give(bytes: number, newlines: number, isFurther: boolean): void;
  /** The end of all bytes. @param endsLine whether the last one is the newline behind an item that was cut short */
  end(bytes: number, afterReturn: boolean, endsLine: boolean): void;
  around(): Around;
}

export function createAroundCounter(): AroundCounter {
  const around: Around = {
    ...{ lines: 0, separatorBytes: 0, ignoredBytes: 0 },
    ...{ ignoredLines: 0, blankLines: 0, furtherRecords: 0 },
  };
  let lineOffset = 0;
  let lineIsTaken = false;
  let recordBytes = 0;
  let recordNewlines = 0;
  const leave = (bytes: number, afterReturn: boolean): void => {
    if (lineIsTaken) return;
    if (bytes === 0 || (bytes === 1 && afterReturn)) {
      around.blankLines++;
      around.separatorBytes += bytes;
    } else around.ignoredLines++;
  };
  return {
    endLine: (offset, afterReturn) => {
      around.lines++;
      around.separatorBytes++;
      leave(offset - lineOffset, afterReturn);
      lineIsTaken = false;
      lineOffset = offset + 1;
    },
    foldLine: () => {
      around.lines++;
      around.separatorBytes++;
    },
    begin: () => {
      const onTakenLine = lineIsTaken;
      lineIsTaken = true;
      return onTakenLine;
    },
    takeBack: (onTakenLine, newlines) => {
      around.ignoredLines += onTakenLine ? Math.max(newlines - 1, 0) : newlines;
      lineIsTaken = onTakenLine && newlines === 0;
    },
    give: (bytes, newlines, isFurther) => {
      recordBytes += bytes;
      recordNewlines += newlines;
      if (isFurther) around.furtherRecords++;
    },
    end: (bytes, afterReturn, endsLine) => {
      if (!endsLine && (lineIsTaken || bytes > lineOffset)) {
        around.lines++;
        leave(bytes - lineOffset, afterReturn);
      }
      around.ignoredBytes = bytes - recordBytes - (around.separatorBytes - recordNewlines);
    },
    around: () => around,
  };
}
