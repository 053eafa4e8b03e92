// Why the parts of a chain belong together: each link with its kind, confidence and reason.
import type { ChainLink } from '../../api/types.ts';
import { visibleLine } from '../data/visible.ts';

// more of one kind is read by `vestige chain ID --json`
const LISTED_MAX = 60;

export function LinkList({ links, onOpen }: { links: readonly ChainLink[]; onOpen: (digest: string) => void }) {
  if (links.length === 0) return null;
  const kinds = group(links, (link) => link.kind);
  return (
    <details class="why">
      <summary>
        Why these belong together <span class="quiet">{links.length} links</span>
      </summary>
      {[...kinds].map(([kind, ofKind]) => (
        <details key={kind} class="kind">
          <summary>
            {kind.replaceAll('-', ' ')} <span class="quiet">{ofKind.length}</span>
          </summary>
          <ul>
            {ofKind.slice(0, LISTED_MAX).map((link) => (
              <LinkItem key={`${link.from} ${link.to}`} link={link} onOpen={onOpen} />
            ))}
          </ul>
          {ofKind.length > LISTED_MAX && <p class="quiet">and {ofKind.length - LISTED_MAX} more</p>}
        </details>
      ))}
    </details>
  );
}

function LinkItem({ link, onOpen }: { link: ChainLink; onOpen: (digest: string) => void }) {
  const percent = Math.round(link.confidence * 100);
  return (
    <li>
      <p>{visibleLine(link.reason)}</p>
      <p class="proofs">
        <span class="bar" aria-hidden="true">
          <span style={{ width: `${percent}%` }} />
        </span>
        <span class="quiet">confidence {percent} %</span>
        {link.digests.slice(0, PROOFS_MAX).map((digest) => (
          <button type="button" key={digest} onClick={() => onOpen(digest)} title={`Open the raw record ${digest}`}>
            {digest.slice(0, 8)}
          </button>
        ))}
        {link.digests.length > PROOFS_MAX && <span class="quiet">and {link.digests.length - PROOFS_MAX} more</span>}
      </p>
    </li>
  );
}

const PROOFS_MAX = 6;

function group<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const known = groups.get(keyOf(item));
    if (known) known.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
