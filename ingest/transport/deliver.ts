// A record of a spool as a delivery to the store.
import type { Delivery } from '../load/deliveries.ts';
import type { RecordEntry } from '../spool/entry.ts';

/** @param loader who loads it, and the number it has there */
export const deliveryOf = (
  { meta, raw }: RecordEntry,
  { loader, seq }: Pick<Delivery, 'loader' | 'seq'>,
): Delivery => ({
  source: meta.source,
  cluster: meta.cluster,
  node: meta.node,
  collector: meta.collector,
  bootId: meta.boot_id,
  receivedAtUs: meta.received_at,
  stream: meta.stream,
  position: meta.position,
  lines: meta.lines,
  attrs: meta.attrs,
  loader,
  seq,
  raw,
});
