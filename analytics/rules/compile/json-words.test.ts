// Conditions over JSON whose bytes are looked through first: letters may be written in other ways, and the answer is the same.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../store/connect.ts';
import type { Store } from '../../store/store.ts';
import { parsePart } from '../language/detection.ts';
import { jsonField } from '../sources/json-path.ts';
import { compile } from './compile.ts';
import { wordsInJson } from './json-words.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-json-words-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'json test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const matches = async (detection: unknown, raw: string) => {
  const { exact } = compile(parsePart(detection, 'd'), (name) => jsonField('raw', name ?? ''));
  const [row] = await store.rows(`SELECT toBool(${exact}) AS is FROM (SELECT {raw:String} AS raw)`, { raw });
  return row?.['is'];
};

const REGEX = { 'body|re': '"postStart": ?\\{|postStart' };
const DEEP = { 'body.spec.hostPID': 'true' };
const TEXT = { 'body.spec.command|contains': 'netcat' };

describe('JSON that is looked through first', () => {
  it.each([
    [REGEX, '{"body":{"postStart":{"exec":1}}}', true],
    [REGEX, '{"body":{"p\\u006fstStart":{"exec":1}}}', true],
    [REGEX, '{"body":{"preStop":{"exec":1}},"note":"postStart"}', false],
    [REGEX, '{"body":"run postStart"}', true],
    [DEEP, '{"body":{"spec":{"hostPID":true}}}', true],
    [DEEP, '{"body":{"spec":{"host\\u0050ID":true}}}', true],
    [DEEP, '{"body" : { "spec" : { "hostPID" : true }}}', true],
    [DEEP, '{"body":{"spec":{"hostIPC":true}},"note":"hostPID"}', false],
    [TEXT, '{"body":{"spec":{"command":["sh","-c","\\tNETCAT\\n"]}}}', true],
    [TEXT, '{"body":{"spec":{"command":["\\u006e\\u0065tcat"]}}}', true],
    [TEXT, '{"body":{"spec":{"command":["cat"]}},"note":"netcat"}', false],
  ])('%j of %s: %s', async (detection, raw, expected) => {
    expect(await matches(detection, raw)).toBe(expected);
  });

  it('of a text gives a word that stands as it is in any JSON, or nothing', () => {
    expect(wordsInJson(['"poststart":{', 'run-as_user'])).toEqual(['poststart', 'as_user']);
    expect(wordsInJson(['poststart', '/1.2/'])).toBeUndefined();
    expect(wordsInJson(['ſ'])).toEqual(['ſ']);
  });
});
