// What the page shows, kept in the part of the address behind #: a view can be sent to a colleague and the browser's
// back button works.
export interface Address {
  chain: string | null;
  /** Instants of the visible window. */
  from: number | null;
  to: number | null;
  step: number | null;
  /** Digest of the raw record that is open. */
  record: string | null;
  /** Lanes that no chain touches are shown too. */
  all: boolean;
}

export const START: Address = { chain: null, from: null, to: null, step: null, record: null, all: false };

export function readAddress(hash: string): Address {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const [from, to] = [instant(fields.get('from')), instant(fields.get('to'))];
  const ordered = from !== null && to !== null && from < to;
  const step = Number(fields.get('step'));
  const record = fields.get('record')?.toLowerCase() ?? '';
  return {
    chain: fields.get('chain') || null,
    from: ordered ? from : null,
    to: ordered ? to : null,
    step: Number.isInteger(step) && step > 0 ? step : null,
    record: /^[0-9a-f]{64}$/.test(record) ? record : null,
    all: fields.get('lanes') === 'all',
  };
}

export function writeAddress({ chain, from, to, step, record, all }: Address): string {
  const fields = new URLSearchParams();
  if (chain) fields.set('chain', chain);
  if (from !== null && to !== null) {
    fields.set('from', iso(from));
    fields.set('to', iso(to));
  }
  if (step) fields.set('step', String(step));
  if (record) fields.set('record', record);
  if (all) fields.set('lanes', 'all');
  // colons are allowed behind # and make times readable
  return `#${fields.toString().replaceAll('%3A', ':')}`;
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}

function instant(text: string | null): number | null {
  const ms = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}
