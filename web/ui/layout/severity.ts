// Severities, least grave first.
const severities = ['informational', 'low', 'medium', 'high', 'critical'];

/** -1 for a word that is none. */
export const severityRank = (severity: string): number => severities.indexOf(severity);
