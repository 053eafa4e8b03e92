// Chains, the one to read first on top.
import type { ChainSummary } from '../../api/types.ts';
import { visibleLine } from '../data/visible.ts';
import { dateText, lengthText, secondText } from '../layout/ticks.ts';

export function ChainList({ chains, onChain }: { chains: readonly ChainSummary[]; onChain: (id: string) => void }) {
  return (
    <nav class="chains" aria-label="Attack chains">
      <h2>
        {chains.length} {chains.length === 1 ? 'chain' : 'chains'}
      </h2>
      <ol>
        {chains.map((chain) => (
          <li key={chain.id}>
            <button type="button" onClick={() => onChain(chain.id)}>
              <span class="above">
                <span class={`pill ${chain.severity}`}>{chain.severity}</span>
                <span class="quiet">{chainTime(chain)}</span>
              </span>
              <span class="title">{visibleLine(chain.title)}</span>
              <span class="quiet">
                {chain.step_count} {chain.step_count === 1 ? 'step' : 'steps'} · {chain.cluster} · score{' '}
                {Math.round(chain.score)}
              </span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

export function chainTime({ first_seen, last_seen }: { first_seen: string | null; last_seen: string | null }): string {
  if (!first_seen || !last_seen) return '';
  const [from, to] = [Date.parse(first_seen), Date.parse(last_seen)];
  return `${dateText(new Date(from))} ${secondText(from)} UTC${to > from ? `, ${lengthText(to - from)}` : ''}`;
}
