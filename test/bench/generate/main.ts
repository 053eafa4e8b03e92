// node test/bench/start.mjs generate --kind k8s|auditd|runtime --events N --out FILE [--seed S]
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { generateFile } from './generate.ts';

const { values } = parseArgs({
  options: {
    kind: { type: 'string' },
    events: { type: 'string' },
    out: { type: 'string' },
    seed: { type: 'string', default: '1' },
    recordings: { type: 'string', default: 'test/fixtures/recordings' },
  },
});
const options = z
  .object({
    kind: z.enum(['k8s', 'auditd', 'runtime']),
    events: z.coerce.number().int().positive(),
    out: z.string(),
    seed: z.coerce.number().int(),
    recordings: z.string(),
  })
  .parse(values);
const made = generateFile(options.out, { ...options, fixtures: options.recordings });
process.stdout.write(`${options.out}: ${made.events} events, ${made.lines} lines, ${made.bytes} bytes\n`);
