// Why a batch did not get into the store: the store's fault, and the same batch is tried again, or something in the batch.
import { StoreError } from '../../analytics/store/store.ts';

// ClickHouse's codes for what passes or is mended: timeouts, too many queries, network, memory, disk full, read-only, too many parts,
// unknown or missing tables and databases, wrong passwords, ended sessions (https://github.com/ClickHouse/ClickHouse, ErrorCodes.cpp).
const OF_STORE = new Set([
  ...[
    '60',
    '81',
    '159',
    '164',
    '192',
    '193',
    '194',
    '202',
    '203',
    '209',
    '210',
    '236',
    '241',
    '242',
    '243',
    '252',
    '279',
    '319',
  ],
  ...['373', '394', '425', '497', '516', '999'],
]);

/** Unknown means the store's: what is tried again is not lost. */
export function isOfStore(error: unknown): boolean {
  if (error instanceof StoreError) return true;
  const code = engineCodeOf(error);
  return code === undefined || OF_STORE.has(code);
}

/** As the client's errors have it, or as it stands in what the engine says: `Code: 241. DB::Exception`. */
function engineCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const told = 'code' in error ? String(error.code) : '';
  if (/^\d+$/.test(told)) return told;
  return /\bCode: (\d+)\b/.exec(error.message)?.[1];
}
