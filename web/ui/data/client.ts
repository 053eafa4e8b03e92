// Questions to the API of the same origin. An answer that comes after a newer question was asked is dropped.
import type { ApiError } from '../../api/types.ts';

export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly code: ApiError['error']['code'] | 'unreachable';
  constructor(code: ApiFailure['code'], message: string) {
    super(message);
    this.code = code;
  }
}

type Query = Record<string, string | number | readonly string[]>;

/** @throws ApiFailure */
export async function ask<T>(path: string, query: Query = {}): Promise<T> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const item of value) search.append(name, item);
    else search.set(name, String(value));
  }
  const response = await fetch(`/api/v1/${path}${search.size > 0 ? `?${search}` : ''}`).catch(() => {
    throw new ApiFailure('unreachable', 'Vestige does not answer. Is `vestige up` still running?');
  });
  if (response.ok) return (await response.json()) as T;
  const { error } = (await response.json().catch(() => ({
    error: { code: 'failed', message: `HTTP ${response.status}` },
  }))) as ApiError;
  throw new ApiFailure(error.code, error.message);
}

/** Runs questions of one kind: only the answer to the last one asked is heard. */
export function createLatest(): <T>(
  question: Promise<T>,
  heard: (answer: T) => void,
  failed: (error: Error) => void,
) => void {
  let generation = 0;
  return (question, heard, failed) => {
    const mine = ++generation;
    question.then(
      (answer) => {
        if (mine === generation) heard(answer);
      },
      (error: unknown) => {
        if (mine === generation) failed(error instanceof Error ? error : new Error(String(error)));
      },
    );
  };
}
