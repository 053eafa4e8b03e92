// An answer of the API as state. The last question wins; `null` asks nothing.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, createLatest } from '../data/client.ts';

export interface Answer<T> {
  value: T | null;
  error: Error | null;
}

const NOTHING = { value: null, error: null };

/** @param path with its query, as the API takes it */
export function useAnswer<T>(path: string | null): Answer<T> {
  const latest = useRef(createLatest());
  const [answer, setAnswer] = useState<Answer<T> & { path: string | null }>({ ...NOTHING, path });
  useEffect(() => {
    if (path === null) return;
    latest.current(
      ask<T>(path),
      (value) => setAnswer({ value, error: null, path }),
      (error) => setAnswer({ value: null, error, path }),
    );
  }, [path]);
  // the answer to another question is no answer
  return answer.path === path ? answer : NOTHING;
}
