import { expect, it } from 'vitest';
import { cutToWidth, displayWidth } from './width.ts';

it('counts two columns for a Chinese character', () => {
  expect([displayWidth('exec'), displayWidth('挖矿容器'), displayWidth('特权 Pod')]).toEqual([4, 8, 8]);
});

it('cuts so that the whole stays within the width, ellipsis included', () => {
  expect([
    cutToWidth('挖矿容器', 8),
    cutToWidth('挖矿容器', 7),
    cutToWidth('挖矿容器', 6),
    cutToWidth('abcdef', 4),
  ]).toEqual(['挖矿容器', '挖矿容…', '挖矿…', 'abc…']);
});
