// One chain told: title, steps as sentences, the links that hold it together. The steps are also the table that says
// in words what the timeline draws.
import type { Chain, ChainEntity, ChainMark, TimelineLinks } from '../../api/types.ts';
import { visibleLine } from '../data/visible.ts';
import { chainTime } from './chain-list.tsx';
import { LinkList } from './link-list.tsx';
import { StepList } from './step-list.tsx';

interface Props {
  chain: Chain;
  links: TimelineLinks | null;
  step: number | null;
  record: string | null;
  several: boolean;
  onStep: (n: number) => void;
  onOpen: (digest: string) => void;
  onBack: () => void;
}

const NO_MARKS: readonly ChainMark[] = [];

export function ChainView({ chain, links, step, record, several, onStep, onOpen, onBack }: Props) {
  return (
    <article class="chain" aria-label="Attack chain">
      {several && (
        <button type="button" class="back" onClick={onBack}>
          ← all chains
        </button>
      )}
      <header>
        <p class="above">
          <span class={`pill ${chain.severity}`}>{chain.severity}</span>
          <span class="quiet">{chainTime(chain)}</span>
        </p>
        <h1>{visibleLine(chain.title)}</h1>
        <Entities entities={chain.entities} />
      </header>
      <StepList
        steps={chain.steps}
        marks={links?.marks ?? NO_MARKS}
        step={step}
        record={record}
        onStep={onStep}
        onOpen={onOpen}
      />
      <LinkList links={chain.links} onOpen={onOpen} />
    </article>
  );
}

// A chain has hundreds of these: the steps tell them, here they are counted.
const counted = new Set(['request', 'process']);
const LISTED_MAX = 6;

function Entities({ entities }: { entities: readonly ChainEntity[] }) {
  const listed = entities.filter(({ kind, name }) => !counted.has(kind) && !name.endsWith('/sandbox'));
  const numbers = [...counted].flatMap((kind) => {
    const n = entities.filter((entity) => entity.kind === kind).length;
    return n > 0 ? [`${n} ${kind}${n > 1 ? (kind.endsWith('s') ? 'es' : 's') : ''}`] : [];
  });
  return (
    <ul class="entities" aria-label="Touched">
      {listed.slice(0, LISTED_MAX).map((entity) => (
        <li key={entity.id} title={entity.id}>
          <span class="quiet">{entity.kind}</span> {visibleLine(entity.name)}
        </li>
      ))}
      {listed.length > LISTED_MAX && <li class="quiet">and {listed.length - LISTED_MAX} more</li>}
      {numbers.length > 0 && <li class="quiet">{numbers.join(', ')}</li>}
    </ul>
  );
}
