// The matrix of attacks on containers: 69 techniques in nine tactics, each with its names, its ATT&CK ids, the layers that
// can see it, and what none of them can see. Ids (IA-01 ...) are what rules name in `x-vestige: matrix`.
import { z } from 'zod';
import matrixJson from './matrix.json' with { type: 'json' };

const Technique = z.object({
  id: z.string(),
  tactic: z.string(),
  tactic_zh: z.string(),
  name: z.string(),
  name_zh: z.string(),
  attack: z.array(z.string()),
  layers: z.array(z.enum(['k8s-audit', 'runtime', 'auditd'])),
  /** What of it is in no record of these layers, and what would tell. */
  unseen: z.string().optional(),
  needed: z.string().optional(),
});
export type Technique = z.infer<typeof Technique>;

export const MATRIX: readonly Technique[] = z.array(Technique).parse(matrixJson);
