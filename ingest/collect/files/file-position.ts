// Where a follower is in a log, as a checkpoint keeps it, and how it finds the place again under whatever name the file has by then.
import { z } from 'zod';
import { type Fingerprint, isOf, readHead } from './fingerprint.ts';
import { indexOf, isSameFamily, type KnownFile, type LogFile, listFamily } from './log-family.ts';
import { type OpenLog, openLog } from './open-log.ts';

const Head: z.ZodType<Fingerprint> = z.object({ bytes: z.number().int().nonnegative(), sha256: z.string() });
const Known: z.ZodType<KnownFile> = z.object({ id: z.string(), head: Head });

export const FilePosition = z.object({
  /** `dev:inode` under which the file was first read: its name in envelopes. */
  file: z.string(),
  /** As it was last seen: compressed, it is another inode. */
  known: Known,
  offset: z.number().int().nonnegative(),
  /** The file that was written before it. */
  before: Known.optional(),
  /** When it was last read, milliseconds since 1970. */
  read_ms: z.number(),
});
export type FilePosition = z.infer<typeof FilePosition>;

export type Located =
  | { status: 'found'; log: OpenLog /** It was copied, and truncated where it stood. */; copied: boolean }
  /** It is there and has less than was read of it. */
  | { status: 'shorter'; log: OpenLog }
  /** No file of this log is there. */
  | { status: 'nothing' }
  /** Renamed while one looked: look again. */
  | { status: 'moving' }
  | { status: 'gone'; truncated: boolean };

/** @throws the file system's error */
export async function locate(path: string, position: FilePosition): Promise<Located> {
  const { known, offset } = position;
  const family = listFamily(path);
  if (family.length === 0) return { status: 'nothing' };
  const at = indexOf(family, known);
  const file = family[at];
  if (file === undefined) {
    const truncated = isTruncation(family, position);
    return isSameFamily(family, listFamily(path)) ? { status: 'gone', truncated } : { status: 'moving' };
  }
  const shorter = !file.compressed && file.size < offset;
  const log = await openLog(file, shorter ? 0 : offset);
  if (log === undefined) return { status: 'moving' };
  if (!isOf(readHead(file.path, file.compressed), known.head)) {
    await log.close();
    return { status: 'moving' };
  }
  if (shorter) return { status: 'shorter', log };
  // the file that came next was made while the inode was in use: only further ones can have been given it
  const copied = file.id !== known.id && family[at + 1]?.live === true && family[at + 1]?.id === known.id;
  return { status: 'found', log, copied };
}

/** The same inode with other bytes, and no rotation since: truncated. After a rotation it may as well be an inode given again. */
function isTruncation(family: readonly LogFile[], { known, before }: FilePosition): boolean {
  const live = family.at(-1);
  if (!live?.live || live.id !== known.id) return false;
  const newest = family.at(-2);
  return newest === undefined ? before === undefined : before !== undefined && indexOf([newest], before) === 0;
}
