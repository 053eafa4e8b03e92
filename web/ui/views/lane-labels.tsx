// Names of the lanes beside (or, where there is little room, above) their tracks.
import { type LaneRow, laneWords } from '../layout/lane-rows.ts';

interface Props {
  rows: readonly LaneRow[];
  narrow: boolean;
  ofSeveralClusters: boolean;
}

export function LaneLabels({ rows, narrow, ofSeveralClusters }: Props) {
  return (
    <ul class={`labels${narrow ? ' narrow' : ''}`} aria-label="Lanes">
      {rows.map((row) => {
        const { name, detail } = laneWords(row.lane, ofSeveralClusters);
        return (
          <li
            key={row.lane.id}
            class={`label ${row.lane.kind}${row.central ? ' central' : ''}`}
            style={{ top: `${row.top}px`, height: `${row.height - 1}px` }}
            title={`${detail} ${name}`}
          >
            <span class="name">
              <Ends text={name} />
            </span>
            {(row.central || narrow) && detail && <span class="detail">{detail}</span>}
            {!row.central && !narrow && row.lane.namespace && <span class="detail">{row.lane.namespace}</span>}
          </li>
        );
      })}
    </ul>
  );
}

// What tells two pods of one workload apart is the end of the name: when there is no room, the middle goes.
const TAIL = 6;

function Ends({ text }: { text: string }) {
  if (text.length <= 18) return <>{text}</>;
  return (
    <>
      <span class="head">{text.slice(0, -TAIL)}</span>
      <span class="tail">{text.slice(-TAIL)}</span>
    </>
  );
}
