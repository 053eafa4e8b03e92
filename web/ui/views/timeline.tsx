// The timeline: lanes beside a plot of time, an axis above, and the ways to move in it.
import { useMemo, useRef, useState } from 'preact/hooks';
import type { Chain, ChainMark, FindingMark, Lane, TimelineLinks } from '../../api/types.ts';
import { addressLanes, isCentral, layoutLanes, rowsBetween, totalHeight } from '../layout/lane-rows.ts';
import { layoutLinks } from '../layout/link-curves.ts';
import { arrangeMarks, type Mark } from '../layout/marks.ts';
import { createScale } from '../layout/scale.ts';
import { layoutFlags } from '../layout/step-flags.ts';
import { dateText, rangeText, timeTicks } from '../layout/ticks.ts';
import { panned, type Range, zoomed } from '../layout/view-range.ts';
import { nextInChain } from '../layout/walk.ts';
import { eventText } from './event-text.ts';
import { LaneLabels } from './lane-labels.tsx';
import { Legend } from './legend.tsx';
import { TimeAxis } from './time-axis.tsx';
import { TimelineCanvas } from './timeline-canvas.tsx';
import { useEvents } from './use-events.ts';
import { useMedia, useSize } from './use-size.ts';

interface Props {
  lanes: readonly Lane[];
  chain: Chain | null;
  links: TimelineLinks | null;
  stepRanges: ReadonlyMap<number, Range>;
  findings: readonly FindingMark[];
  bounds: Range;
  view: Range;
  step: number | null;
  record: string | null;
  all: boolean;
  onView: (view: Range) => void;
  onStep: (n: number) => void;
  onOpen: (digest: string) => void;
  onAll: (all: boolean) => void;
  onFit: () => void;
}

const LABELS_WIDTH = 208;
const LABEL_HEIGHT_NARROW = 17;
// one answer tells of this many lanes at most; more cannot be seen at once
const LANES_ASKED = 80;
const NO_MARKS: readonly ChainMark[] = [];

export function Timeline(props: Props) {
  const { lanes, chain, links, findings, bounds, view, step } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const size = useSize(scroller);
  const narrow = useMedia('(max-width: 700px)');
  const [scrollTop, setScrollTop] = useState(0);
  const [focus, setFocus] = useState<Mark | null>(null);

  const central = useMemo(() => lanes.filter((lane) => isCentral(lane, chain?.id ?? null)), [lanes, chain]);
  const foldable = central.length > 0 && central.length < lanes.length;
  const outside = useMemo(() => addressLanes(links?.links ?? [], chain?.id ?? ''), [links, chain]);
  const shown = useMemo(
    () => [...outside, ...(foldable && !props.all ? central : lanes)],
    [outside, foldable, props.all, central, lanes],
  );
  const rows = useMemo(
    () => layoutLanes(shown, chain?.id ?? null, { labelHeight: narrow ? LABEL_HEIGHT_NARROW : 0, height: size.height }),
    [shown, chain, narrow, size.height],
  );
  const ofSeveralClusters = useMemo(() => new Set(lanes.map((lane) => lane.cluster)).size > 1, [lanes]);
  const width = Math.max(size.width - (narrow ? 0 : LABELS_WIDTH), 50);
  const visible = rowsBetween(rows, scrollTop - 100, scrollTop + size.height + 100);
  const asked = rows.length <= LANES_ASKED ? rows : visible.slice(0, LANES_ASKED);
  const { events, error } = useEvents(
    view,
    bounds,
    asked.map((row) => row.lane.id),
  );
  const chainMarks = links?.marks ?? NO_MARKS;
  const marks = useMemo(() => arrangeMarks(events, chainMarks, findings), [events, chainMarks, findings]);
  const scale = useMemo(() => createScale(view, width), [view, width]);
  const ticks = useMemo(() => timeTicks(view, width), [view, width]);
  const curves = useMemo(() => layoutLinks(links?.links ?? [], rows, scale), [links, rows, scale]);
  const flags = useMemo(() => layoutFlags(props.stepRanges, chainMarks, scale), [props.stepRanges, chainMarks, scale]);

  const zoom = (factor: number) =>
    props.onView(zoomed(view, factor, focus?.event.t ?? (view.from + view.to) / 2, bounds));
  const walk = (by: 1 | -1) => {
    const next = nextInChain(chainMarks, { at: focus?.event.id ?? null, by, view, step });
    if (!next) return;
    setFocus({ event: next, role: next.role, step: next.step, finding: null });
    const row = rows.find((candidate) => candidate.lane.id === next.lane);
    if (row && (row.top < scrollTop || row.top + row.height > scrollTop + size.height)) {
      scroller.current?.scrollTo({ top: row.top });
    }
    if (next.t < view.from || next.t > view.to)
      props.onView(panned(view, (next.t - (view.from + view.to) / 2) / (view.to - view.from), bounds));
  };
  const keys: Record<string, () => void> = {
    '+': () => zoom(0.6),
    '=': () => zoom(0.6),
    '-': () => zoom(1 / 0.6),
    ArrowLeft: () => props.onView(panned(view, -0.15, bounds)),
    ArrowRight: () => props.onView(panned(view, 0.15, bounds)),
    ArrowUp: () => scroller.current?.scrollBy(0, -60),
    ArrowDown: () => scroller.current?.scrollBy(0, 60),
    Home: props.onFit,
    n: () => walk(1),
    p: () => walk(-1),
    Enter: () => focus && props.onOpen(focus.event.digest),
  };

  return (
    <section class={`timeline${narrow ? ' narrow' : ''}`} aria-label="Timeline">
      <div class="axis-row">
        <div class="corner">
          <span>{dateText(new Date(view.from))} UTC</span>
          <span>{rangeText(view)}</span>
        </div>
        <TimeAxis
          scale={scale}
          ticks={ticks}
          flags={flags}
          steps={chain?.steps ?? []}
          step={step}
          onStep={props.onStep}
        />
      </div>
      <section
        class="lanes"
        ref={scroller}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the plot is worked with the keyboard
        tabIndex={0}
        aria-label="Events by lane. Plus and minus zoom, arrows pan, n and p walk along the chain, Enter opens the record, Home shows everything."
        onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
        onBlur={() => setFocus(null)}
        onKeyDown={(event) => {
          const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
          if (!act) return;
          event.preventDefault();
          act();
        }}
      >
        <div class="sheet" style={{ height: `${totalHeight(rows)}px` }}>
          <LaneLabels rows={visible} narrow={narrow} ofSeveralClusters={ofSeveralClusters} />
          <div class="plot" style={{ width: `${width}px` }}>
            <TimelineCanvas
              rows={visible}
              marks={marks}
              curves={curves}
              scale={scale}
              ticks={ticks}
              height={size.height}
              scrollTop={scrollTop}
              step={step}
              record={props.record}
              focus={focus}
              bounds={bounds}
              onView={props.onView}
              onScroll={(by) => scroller.current?.scrollBy(0, by)}
              onOpen={(mark) => props.onOpen(mark.event.digest)}
            />
          </div>
        </div>
      </section>
      <p class="unseen" aria-live="polite">
        {focus && eventText(focus.event)}
      </p>
      <div class="under">
        <div class="buttons">
          <button type="button" onClick={() => zoom(0.5)} aria-label="Zoom in" title="Zoom in (+)">
            +
          </button>
          <button type="button" onClick={() => zoom(2)} aria-label="Zoom out" title="Zoom out (−)">
            −
          </button>
          <button type="button" onClick={props.onFit} title="Everything (Home)">
            Fit
          </button>
          {foldable && (
            <button type="button" class="fold" aria-pressed={props.all} onClick={() => props.onAll(!props.all)}>
              {props.all
                ? `Only the ${central.length} lanes of ${chain ? 'the chain' : 'chains'}`
                : `Show all ${lanes.length} lanes`}
            </button>
          )}
          {error && <span class="error">{error.message}</span>}
        </div>
        <Legend />
      </div>
    </section>
  );
}
