// Why the parts of a chain belong together: each link with its kind, confidence and reason.
import type { ChainLink } from '../../api/types.ts';
import { visibleLine } from '../data/visible.ts';

// more is read by `vestige chain ID --json`
const LINKS_LISTED = 400;

export function LinkList({ links, onOpen }: { links: readonly ChainLink[]; onOpen: (digest: string) => void }) {
  if (links.length === 0) return null;
  return (
    <details class="why">
      <summary>
        Why these belong together <span class="quiet">{links.length} links</span>
      </summary>
      <ul>
        {links.slice(0, LINKS_LISTED).map((link, i) => (
          <li key={i}>
            <span class="kind">{link.kind}</span>
            <span class="bar" aria-hidden="true">
              <span style={{ width: `${link.confidence * 100}%` }} />
            </span>
            <span class="quiet">confidence {Math.round(link.confidence * 100)} %</span>
            <p>{visibleLine(link.reason)}</p>
            {link.digests.length > 0 && (
              <p class="proofs">
                {link.digests.slice(0, 6).map((digest) => (
                  <button
                    type="button"
                    key={digest}
                    onClick={() => onOpen(digest)}
                    title={`Open the raw record ${digest}`}
                  >
                    {digest.slice(0, 8)}
                  </button>
                ))}
                {link.digests.length > 6 && <span class="quiet">and {link.digests.length - 6} more</span>}
              </p>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
