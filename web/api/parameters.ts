// Parameters of requests, checked before they reach a query.
import { z } from 'zod';

// a window asked for is never wider than what a timestamp in microseconds can hold exactly
const INSTANT_MAX = 8_000_000_000_000;
const LANES_MAX = 200;
const EVENTS_DEFAULT = 4_000;
// what a page draws and hits without a stutter (docs of web/ui/draw)
const EVENTS_MAX = 20_000;
const BINS_DEFAULT = 600;
const BINS_MAX = 4_000;

const Instant = z.coerce.number().min(0).max(INSTANT_MAX);

const Window = z.object({
  from: Instant.default(0),
  to: Instant.default(INSTANT_MAX),
});

const ordered = <T extends { from: number; to: number }>(window: T) => window.from <= window.to;
const orderedMessage = { message: '`from` must not be after `to`' };

export const LanesQuery = Window.extend({ cluster: z.string().max(253).default('') }).refine(ordered, orderedMessage);

export const EventsQuery = z
  .object({
    from: Instant,
    to: Instant,
    cluster: z.string().max(253).default(''),
    lane: z.array(z.string().max(512)).max(LANES_MAX).default([]),
    limit: z.coerce.number().int().min(1).max(EVENTS_MAX).default(EVENTS_DEFAULT),
    bins: z.coerce.number().int().min(1).max(BINS_MAX).default(BINS_DEFAULT),
  })
  .refine(ordered, orderedMessage);

export const FindingsQuery = Window.extend({
  limit: z.coerce.number().int().min(1).max(5_000).default(2_000),
}).refine(ordered, orderedMessage);

export const LinksQuery = z.object({ chain: z.string().min(1).max(256) });

export const ChainId = z.string().min(1).max(256);

export const Digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/i, 'a digest is 64 hexadecimal digits')
  .transform((text) => text.toLowerCase());
