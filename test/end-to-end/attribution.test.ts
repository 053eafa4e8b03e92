// Whose process was it: the recordings against what the kernel's process connector saw (attribution.tsv), whole and with a part of the records
// taken away. Provenance: test/fixtures/recordings/README.md. `npm run bench:attribution` prints the figures.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Mode, modes, openRecording, type Recorded } from '../bench/attribution/modes.ts';

const RECORDINGS = 'test/fixtures/recordings';
/** From here on little is known of what ran before: right is what is said, and how much of it depends on the log. */
const LATE = modes.filter((mode) => mode.includes('late') && mode !== 'runtime a third late');
/** Without what ties every container to its processes: lost events are lost. */
const LOSSES = modes.filter((mode) => mode.includes('lost'));
const EVERYWHERE: Mode[] = ['whole', 'API and auditd alone', 'auditd a third late'];
// VESTIGE_FAULTS=full, and the bench: all of them
const MORE: Mode[] =
  process.env['VESTIGE_FAULTS'] === 'full'
    ? modes
    : [
        ...EVERYWHERE,
        'without documents of containers',
        'runtime and auditd a third late',
        'API and auditd alone, every fifth event lost',
      ];

describe.each(['web-to-cluster', 'poisoned-image', 'quiet-day'])('%s', (name) => {
  let recorded: Recorded;
  beforeAll(async () => {
    recorded = await openRecording(`${RECORDINGS}/${name}`);
  }, 120_000);
  afterAll(() => recorded.close());

  test.each(name === 'web-to-cluster' ? MORE : EVERYWHERE)(
    '%s: what is said of an event of a container is right, and nothing is said of the node’s own',
    async (mode) => {
      const { share, wrong, hostFalse, right, host } = await recorded.scoreIn(mode);
      expect({ wrong, hostFalse }).toEqual({ wrong: 0, hostFalse: 0 });
      expect(right).toBeGreaterThan(800);
      expect(host).toBeGreaterThan(1_000);
      if (LATE.includes(mode)) expect(share).toBeGreaterThan(0.3);
      else expect(share).toBeGreaterThanOrEqual(LOSSES.includes(mode) ? 0.98 : 0.995);
    },
    60_000,
  );
});

describe('with a collector on the node', () => {
  test('that saw every process, every event finds its container, from the middle of the log on and with nothing else', async () => {
    const recorded = await openRecording(`${RECORDINGS}/web-to-cluster`, 'every process');
    try {
      const found = await recorded.scoreIn('API and auditd alone, auditd a third late');
      expect(found).toMatchObject({ share: 1, wrong: 0, hostFalse: 0 });
      expect(found.byMethod.get('cgroup')?.right).toBeGreaterThan(found.right / 2);
      expect(await recorded.scoreIn('whole')).toMatchObject({ share: 1, wrong: 0, hostFalse: 0 });
    } finally {
      await recorded.close();
    }
  }, 120_000);

  test('that saw every other process, the others follow as far as they can', async () => {
    const recorded = await openRecording(`${RECORDINGS}/quiet-day`, 'every other process');
    try {
      expect(await recorded.scoreIn('whole')).toMatchObject({ share: 1, wrong: 0, hostFalse: 0 });
      const late = await recorded.scoreIn('API and auditd alone, auditd a third late');
      expect(late).toMatchObject({ wrong: 0, hostFalse: 0 });
      // 0.54 without
      expect(late.share).toBeGreaterThan(0.57);
    } finally {
      await recorded.close();
    }
  }, 120_000);
});
