// Columns as the engine gives them, checked.
import { z } from 'zod';

export const Layer = z.enum(['k8s-audit', 'runtime', 'auditd']);
export const Severity = z.enum(['informational', 'low', 'medium', 'high', 'critical']);
export const Count = z.coerce.number();

/** Milliseconds; 0 means "not known". */
export const KnownInstant = z.coerce.number().transform((ms) => (ms === 0 ? null : ms));
