// One chain told: title, steps as sentences, the links that hold it together. The steps are also the table that says
// in words what the timeline draws.
import type { Chain, ChainMark, TimelineLinks } from '../../api/types.ts';
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
        <ul class="entities" aria-label="Touched">
          {chain.entities.map((entity) => (
            <li key={entity.id} title={entity.id}>
              <span class="quiet">{entity.kind}</span> {visibleLine(entity.name)}
            </li>
          ))}
        </ul>
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
