// The events for a view: fetched when the last answer no longer serves, drawn from the old one until the new is there.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { TimelineEvents } from '../../api/types.ts';
import { ask, createLatest } from '../data/client.ts';
import { fetchWindow, type Range, serves } from '../layout/view-range.ts';

// long enough that a turn of the wheel asks once
const SETTLE_MS = 90;
// single events: about a megabyte of answer, and no more than a screen can tell apart
const EVENTS_MAX = 5_000;
const BINS = 1_200;

interface Loaded {
  window: Range;
  lanes: string;
  events: TimelineEvents;
}

export function useEvents(
  view: Range,
  bounds: Range,
  lanes: readonly string[],
): { events: TimelineEvents | null; error: Error | null } {
  const latest = useRef(createLatest());
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const key = lanes.join(' ');
  const fits = loaded !== null && loaded.lanes === key && serves(loaded.window, view);
  const window = fetchWindow(view, bounds);
  useEffect(() => {
    if (fits || lanes.length === 0) return;
    const timer = setTimeout(
      () => {
        latest.current(
          ask<TimelineEvents>('timeline/events', { ...window, lane: lanes, limit: EVENTS_MAX, bins: BINS }),
          (events) => {
            setError(null);
            setLoaded({ window, lanes: key, events });
          },
          setError,
        );
      },
      loaded ? SETTLE_MS : 0,
    );
    return () => clearTimeout(timer);
  }, [fits, window.from, window.to, key]);
  return { events: loaded?.events ?? null, error };
}
