// The page: what the store holds, its chains, one of them told and drawn, and the record behind a mark.
import { useCallback, useMemo } from 'preact/hooks';
import type { Chain, ChainSummary, FindingMark, Lane, Overview, TimelineLinks } from '../../api/types.ts';
import { stepRanges } from '../layout/step-flags.ts';
import { padded, type Range, within } from '../layout/view-range.ts';
import { ChainList } from './chain-list.tsx';
import { ChainView } from './chain-view.tsx';
import { Empty } from './empty.tsx';
import { Header } from './header.tsx';
import { OverviewStrip } from './overview-strip.tsx';
import { RecordPanel } from './record-panel.tsx';
import { Timeline } from './timeline.tsx';
import { type Navigate, useAddress } from './use-address.ts';
import { useAnswer } from './use-answer.ts';
import { useGlide } from './use-glide.ts';

// a step of an instant is looked at with what was around it
const PART_MS_MIN = 4000;
const NO_LANES: readonly Lane[] = [];
const NO_FINDINGS: readonly FindingMark[] = [];

export function App() {
  const overview = useAnswer<Overview>('overview');
  const chains = useAnswer<ChainSummary[]>('chains');
  const [address, navigate] = useAddress();
  const error = overview.error ?? chains.error;
  if (error) return <Empty title="Vestige does not answer" text={error.message} />;
  if (!overview.value || !chains.value) return <p class="loading">Reading the store …</p>;
  if (overview.value.records === 0) {
    return (
      <Empty
        title="Nothing imported yet"
        text="Import logs into this store, then reload this page:"
        command="vestige ingest PATH..."
      />
    );
  }
  if (!overview.value.range) {
    return (
      <Empty
        title="Not correlated yet"
        text={`${overview.value.records.toLocaleString('en')} records are here. Join them, then reload this page:`}
        command="vestige correlate"
      />
    );
  }
  const only = chains.value.length === 1 ? chains.value[0]?.id : undefined;
  const chain = chains.value.some(({ id }) => id === address.chain) ? address.chain : (only ?? null);
  return (
    <Case
      overview={overview.value}
      range={overview.value.range}
      chains={chains.value}
      address={{ ...address, chain }}
      navigate={navigate}
    />
  );
}

interface CaseProps {
  overview: Overview;
  range: Range;
  chains: ChainSummary[];
  address: ReturnType<typeof useAddress>[0];
  navigate: Navigate;
}

function Case({ overview, range, chains, address, navigate }: CaseProps) {
  const id = address.chain === null ? null : encodeURIComponent(address.chain);
  const chain = useAnswer<Chain>(id && `chains/${id}`);
  const links = useAnswer<TimelineLinks>(id && `timeline/links?chain=${id}`);
  const lanes = useAnswer<Lane[]>('timeline/lanes');
  const findings = useAnswer<FindingMark[]>('findings');

  const bounds = useMemo(() => padded(range), [range]);
  const ranges = useMemo(
    () => stepRanges(chain.value?.steps ?? [], links.value?.marks ?? []),
    [chain.value, links.value],
  );
  const whole = useMemo(() => union(ranges), [ranges]);
  const part = (address.step === null ? undefined : ranges.get(address.step)) ?? whole;
  const target = useMemo(() => viewOf(address, part, bounds), [address.from, address.to, part, bounds]);

  const [view, announceJump] = useGlide(target);

  const onView = useCallback((next: Range) => navigate(within(next, bounds)), [navigate, bounds]);
  const onOpen = useCallback((record: string) => navigate({ record }), [navigate]);
  const onClose = useCallback(() => navigate({ record: null }), [navigate]);
  const onFit = () => {
    announceJump();
    navigate({ from: null, to: null, step: null });
  };
  const onStep = (n: number) => {
    announceJump();
    const at = ranges.get(n);
    if (address.step === n) return navigate({ step: null, from: null, to: null });
    navigate(at ? { step: n, ...within(padded(at, PART_MS_MIN), bounds) } : { step: n });
  };

  const failed = [chain, links, lanes, findings].find((answer) => answer.error)?.error;
  return (
    <>
      <Header overview={overview} />
      <main class={address.record ? 'with-record' : ''}>
        <aside>
          {failed && <p class="error">{failed.message}</p>}
          {address.chain === null && <Chains chains={chains} navigate={navigate} />}
          {chain.value && (
            <ChainView
              chain={chain.value}
              links={links.value}
              step={address.step}
              record={address.record}
              several={chains.length > 1}
              onStep={onStep}
              onOpen={onOpen}
              onBack={() => navigate({ chain: null, step: null, from: null, to: null, record: null })}
            />
          )}
        </aside>
        <div class="right">
          <OverviewStrip overview={overview} bounds={bounds} view={view} chain={whole} onView={onView} />
          <Timeline
            lanes={lanes.value ?? NO_LANES}
            chain={chain.value}
            links={links.value}
            stepRanges={ranges}
            findings={findings.value ?? NO_FINDINGS}
            bounds={bounds}
            view={view}
            step={address.step}
            record={address.record}
            all={address.all}
            onView={onView}
            onStep={onStep}
            onOpen={onOpen}
            onAll={(all) => navigate({ all })}
            onFit={onFit}
          />
          {address.record && <RecordPanel digest={address.record} onClose={onClose} />}
        </div>
      </main>
    </>
  );
}

function Chains({ chains, navigate }: { chains: ChainSummary[]; navigate: Navigate }) {
  if (chains.length > 0) {
    return (
      <ChainList
        chains={chains}
        onChain={(chain) => navigate({ chain, step: null, from: null, to: null, record: null })}
      />
    );
  }
  return (
    <div class="no-chain">
      <h2>No attack chain</h2>
      <p>
        Nothing in these records joins into an attack that Vestige knows. The timeline shows everything that happened;
        new records are joined by <code>vestige correlate</code>.
      </p>
    </div>
  );
}

function union(ranges: ReadonlyMap<number, Range>): Range | null {
  const all = [...ranges.values()];
  if (all.length === 0) return null;
  return { from: Math.min(...all.map((r) => r.from)), to: Math.max(...all.map((r) => r.to)) };
}

/** The window of the address, else the step or the chain, else everything. */
function viewOf({ from, to }: { from: number | null; to: number | null }, part: Range | null, bounds: Range): Range {
  if (from !== null && to !== null) return within({ from, to }, bounds);
  return part ? within(padded(part, PART_MS_MIN), bounds) : bounds;
}
