import { expect, it } from 'vitest';
import { createLatest } from './client.ts';

const later = <T>(value: T, ms: number) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));

it('drops an answer that comes after a newer question', async () => {
  const latest = createLatest();
  const heard: string[] = [];
  latest(
    later('old', 30),
    (answer) => heard.push(answer),
    () => {},
  );
  latest(
    later('new', 5),
    (answer) => heard.push(answer),
    () => {},
  );
  await later(null, 60);
  expect(heard).toEqual(['new']);
});

it('drops a failure that comes after a newer question', async () => {
  const latest = createLatest();
  const failures: string[] = [];
  latest(
    later(0, 20).then(() => Promise.reject(new Error('old'))),
    () => {},
    (error) => failures.push(error.message),
  );
  latest(
    later('new', 1),
    () => {},
    (error) => failures.push(error.message),
  );
  await later(null, 40);
  expect(failures).toEqual([]);
});
